#include "hv/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "hv/flat.h"
#include "hv/hv.h"
#include "hv/probe_guest.h"

enum { PATIENCE_MS = 100 }; /* of wall-clock time, a try */

/* What the guest was doing when it did not come further, by the last stage it told. */
static const char *const doing[] = {
	[0] = "its first instruction",
	[PROBE_ENTERED] = "a breakpoint in kernel mode",
	[PROBE_TRAPPED] = "restoring the processor's extended state",
	[PROBE_RESTORED] = "a short loop in kernel mode",
};

/* Kicks the vCPU at the deadline unless `over` comes first. */
struct watchdog {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct hv_vcpu *vcpu; /* weak */
	struct timespec deadline;
	bool over;
};

static void *watch(void *argument)
{
	struct watchdog *dog = argument;
	int r = 0;

	(void)pthread_mutex_lock(&dog->lock);
	while (!dog->over && r == 0)
		r = pthread_cond_timedwait(&dog->changed, &dog->lock, &dog->deadline);
	if (!dog->over)
		hv_vcpu_kick(dog->vcpu);
	(void)pthread_mutex_unlock(&dog->lock);
	return NULL;
}

static struct timespec deadline_after(unsigned ms)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* what pthread_cond_timedwait() counts by */
	now.tv_nsec += (long)ms * 1000000;
	now.tv_sec += now.tv_nsec / 1000000000;
	now.tv_nsec %= 1000000000;
	return now;
}

/* Runs until the guest halts, fails or is kicked; returns the last stage it told. */
static unsigned run_stages(struct hv_vcpu *vcpu, struct hv_exit *exit)
{
	unsigned stage = 0;

	do {
		hv_vcpu_run(vcpu, exit);
		if (exit->kind == HV_EXIT_PIO && exit->access.write &&
		    exit->access.address == PROBE_PORT && exit->access.data[0] == stage + 1)
			stage++;
	} while (exit->kind == HV_EXIT_PIO && stage < PROBE_LOOPED);
	return stage;
}

/* How a try went. */
struct outcome {
	unsigned stage;	     /* the last one that was told */
	double cpu_ms;	     /* what it took */
	bool late;	     /* it had to be stopped */
	struct hv_exit exit; /* the last one */
};

static bool took_too_long(const struct outcome *outcome)
{
	return outcome->late || outcome->cpu_ms > HV_PROBE_MS;
}

static enum hv_verdict judge(const struct outcome *outcome, struct err *why)
{
	bool has_reason = outcome->exit.kind == HV_EXIT_FAIL;

	if (took_too_long(outcome)) {
		(void)err_set(why, -ETIME,
			      "KVM emulates kernel mode here instead of using hardware: a trial of "
			      "%d ms took longer",
			      HV_PROBE_MS);
		return HV_EMULATED;
	}
	if (outcome->stage < PROBE_LOOPED) {
		(void)err_set(why, -EOPNOTSUPP,
			      "KVM emulates kernel mode here instead of using hardware: %s "
			      "failed%s%s",
			      doing[outcome->stage], has_reason ? ": " : "",
			      has_reason ? outcome->exit.why : "");
		return HV_EMULATED;
	}
	(void)err_set(why, 0, "KVM runs unmodified kernels here");
	return HV_WORKS;
}

static double cpu_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int run_guarded(struct hv_vcpu *vcpu, struct outcome *ret, struct err *err)
{
	struct watchdog dog = { .lock = PTHREAD_MUTEX_INITIALIZER,
				.changed = PTHREAD_COND_INITIALIZER,
				.vcpu = vcpu,
				.deadline = deadline_after(PATIENCE_MS) };
	double begin = cpu_now_ms();
	pthread_t thread;
	int r = -pthread_create(&thread, NULL, watch, &dog);

	if (r < 0)
		return err_set_errno(err, r, "cannot watch over a trial guest");
	ret->stage = run_stages(vcpu, &ret->exit);
	ret->cpu_ms = cpu_now_ms() - begin;
	(void)pthread_mutex_lock(&dog.lock);
	dog.over = true;
	(void)pthread_cond_signal(&dog.changed);
	(void)pthread_mutex_unlock(&dog.lock);
	(void)pthread_join(thread, NULL);
	(void)pthread_cond_destroy(&dog.changed);
	(void)pthread_mutex_destroy(&dog.lock);
	/* A kick that came just too late ends the next try at once; that one does not count. */
	ret->late = ret->exit.kind == HV_EXIT_INTERRUPTED;
	return 0;
}

static int load(struct hv_vm *vm, uint8_t *ram, struct hv_entry *ret, struct err *err)
{
	int r = hv_mem_map(vm, 0, ram, PROBE_RAM);

	if (r < 0)
		return err_set_errno(err, r, "KVM does not take a trial guest's memory");
	hv_flat_write(ram + PROBE_TABLES, PROBE_TABLES, ret);
	memcpy(ram + PROBE_CODE, probe_guest, (size_t)(probe_guest_end - probe_guest));
	ret->pc = PROBE_CODE;
	ret->stack = PROBE_STACK;
	return 0;
}

/* Runs the guest from its beginning; again when that took too long, for the host may be busy. */
static enum hv_verdict try_vcpu(struct hv_vcpu *vcpu, const struct hv_entry *entry, struct err *why)
{
	struct outcome outcome;

	for (int try = 0; try < HV_PROBE_TRIES; try++) {
		int r = hv_vcpu_enter_at(vcpu, entry);

		if (r < 0) {
			(void)err_set_errno(why, r, "KVM does not take a trial guest's registers");
			return HV_ABSENT;
		}
		if (run_guarded(vcpu, &outcome, why) < 0)
			return HV_ABSENT;
		if (!took_too_long(&outcome))
			break;
	}
	return judge(&outcome, why);
}

static enum hv_verdict try_vm(struct hv_vm *vm, const struct hv_entry *entry, struct err *why)
{
	struct hv_vcpu *vcpu = NULL;
	enum hv_verdict verdict;

	if (hv_vcpu_create(vm, 0, &vcpu, why) < 0)
		return HV_ABSENT;
	verdict = try_vcpu(vcpu, entry, why);
	hv_vcpu_destroy(vcpu);
	return verdict;
}

enum hv_verdict hv_probe_guest(const struct hv_impl *impl, const struct hv_config *config,
			       struct err *why)
{
	struct hv_vm *vm = NULL;
	struct hv_entry entry = { 0 };
	enum hv_verdict verdict = HV_ABSENT;
	uint8_t *ram =
		mmap(NULL, PROBE_RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (ram == MAP_FAILED) {
		(void)err_set_errno(why, -errno, "no memory for a trial guest");
		return HV_ABSENT;
	}
	if (hv_vm_create(impl, config, &vm, why) == 0 && load(vm, ram, &entry, why) == 0)
		verdict = try_vm(vm, &entry, why);
	hv_vm_destroy(vm);
	(void)munmap(ram, PROBE_RAM);
	return verdict;
}

static void explain_open(const char *path, int error, struct err *why)
{
	struct stat st;
	const struct group *group = NULL;

	if (error == ENOENT || error == ENODEV || error == ENXIO) {
		(void)err_set(why, -error,
			      "no %s: this machine offers no virtualization, or it is switched off "
			      "in its firmware, or the kvm module is not loaded",
			      path);
		return;
	}
	if (stat(path, &st) == 0 && (st.st_mode & 0060) == 0060)
		group = getgrgid(st.st_gid);
	if (error == EACCES && group != NULL)
		(void)err_set(why, -error,
			      "no permission to open %s: become a member of group '%s' "
			      "(sudo usermod -aG %s $USER, then log in again)",
			      path, group->gr_name, group->gr_name);
	else
		(void)err_set_errno(why, -error, "cannot open %s", path);
}

enum hv_verdict hv_probe(const char *path, struct err *why)
{
	autoclose int device = open(path, O_RDWR | O_CLOEXEC);
	struct hv_config config = { .device = device, .cpus = 1 };

	if (device < 0) {
		explain_open(path, errno, why);
		return HV_ABSENT;
	}
	return hv_probe_guest(&hv_kvm, &config, why);
}
