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
#include "base/clock.h"
#include "base/err.h"
#include "hv/flat.h"
#include "hv/hv.h"
#include "hv/probe_guest.h"

enum { PATIENCE_MS = 2000 }; /* of time that passes, for all tries */

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
	uint64_t deadline_ms;
	bool over;
};

static void *watch(void *argument)
{
	struct watchdog *dog = argument;
	const struct timespec deadline = {
		.tv_sec = (time_t)(dog->deadline_ms / 1000),
		.tv_nsec = (long)(dog->deadline_ms % 1000) * 1000000,
	};
	int r = 0;

	(void)pthread_mutex_lock(&dog->lock);
	while (!dog->over && r == 0)
		r = pthread_cond_clockwait(&dog->changed, &dog->lock, CLOCK_MONOTONIC, &deadline);
	if (!dog->over)
		hv_vcpu_kick(dog->vcpu);
	(void)pthread_mutex_unlock(&dog->lock);
	return NULL;
}

/* How a try went. */
struct outcome {
	unsigned stage;	     /* the last one that was told */
	double loop_ms;	     /* processor time of the last stage, once it was told */
	bool late;	     /* it had to be stopped */
	struct hv_exit exit; /* the last one */
};

static double cpu_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Runs until the guest halts, fails, is kicked or has told all. */
static void run_stages(struct hv_vcpu *vcpu, struct outcome *ret)
{
	const struct hv_exit *exit = &ret->exit;
	double before;

	*ret = (struct outcome){ .stage = 0 };
	do {
		before = cpu_now_ms();
		hv_vcpu_run(vcpu, &ret->exit);
		if (exit->kind == HV_EXIT_PIO && exit->access.write &&
		    exit->access.address == PROBE_PORT && exit->access.data[0] == ret->stage + 1)
			ret->stage++;
	} while (exit->kind == HV_EXIT_PIO && ret->stage < PROBE_LOOPED);
	ret->loop_ms = cpu_now_ms() - before;
}

static bool took_too_long(const struct outcome *outcome)
{
	return outcome->late || (outcome->stage == PROBE_LOOPED && outcome->loop_ms > HV_PROBE_MS);
}

static enum hv_verdict judge(const struct outcome *outcome, struct err *why)
{
	bool has_reason = outcome->exit.kind == HV_EXIT_FAIL;

	if (took_too_long(outcome)) {
		(void)err_set(why, -ETIME,
			      "KVM emulates kernel mode here instead of using hardware: a loop of "
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

static int run_guarded(struct hv_vcpu *vcpu, uint64_t deadline_ms, struct outcome *ret,
		       struct err *err)
{
	struct watchdog dog = { .lock = PTHREAD_MUTEX_INITIALIZER,
				.changed = PTHREAD_COND_INITIALIZER,
				.vcpu = vcpu,
				.deadline_ms = deadline_ms };
	pthread_t thread;
	int r = -pthread_create(&thread, NULL, watch, &dog);

	if (r < 0)
		return err_set_errno(err, r, "cannot watch over a trial guest");
	run_stages(vcpu, ret);
	(void)pthread_mutex_lock(&dog.lock);
	dog.over = true;
	(void)pthread_cond_signal(&dog.changed);
	(void)pthread_mutex_unlock(&dog.lock);
	(void)pthread_join(thread, NULL);
	(void)pthread_cond_destroy(&dog.changed);
	(void)pthread_mutex_destroy(&dog.lock);
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

/*
 * Runs the guest from its beginning; again when that took too long or was interrupted, for the
 * host may be busy.
 */
static enum hv_verdict try_vcpu(struct hv_vcpu *vcpu, const struct hv_entry *entry, struct err *why)
{
	uint64_t deadline_ms = clock_now_ms() + PATIENCE_MS;
	struct outcome outcome;

	for (int try = 0; try < HV_PROBE_TRIES; try++) {
		int r = hv_vcpu_enter_at(vcpu, entry);

		if (r < 0) {
			(void)err_set_errno(why, r, "KVM does not take a trial guest's registers");
			return HV_ABSENT;
		}
		if (run_guarded(vcpu, deadline_ms, &outcome, why) < 0)
			return HV_ABSENT;
		if (!took_too_long(&outcome) || clock_left_ms(deadline_ms) == 0)
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
