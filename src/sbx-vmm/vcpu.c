#include "sbx-vmm/vcpu.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/check.h"
#include "hv/hv.h"
#include "sbx-vmm/bus.h"

static void set_end(struct vcpus *vcpus, const struct vcpu_end *end)
{
	uint64_t one = 1;

	(void)pthread_mutex_lock(&vcpus->lock);
	if (!vcpus->has_end)
		vcpus->end = *end;
	vcpus->has_end = true;
	(void)pthread_mutex_unlock(&vcpus->lock);
	(void)!write(vcpus->ended_event, &one, sizeof(one));
}

static void end_by_guest(struct vcpu *vcpu)
{
	set_end(vcpu->owner, &(struct vcpu_end){ .cpu = vcpu->id });
}

static void end_by_failure(struct vcpu *vcpu, uint64_t reason, const char *why)
{
	set_end(vcpu->owner,
		&(struct vcpu_end){
			.cpu = vcpu->id, .failed = true, .reason = reason, .why = why });
}

/* False when the machine has ended by it. */
static bool handle(struct vcpu *vcpu, const struct hv_exit *exit)
{
	switch (exit->kind) {
	case HV_EXIT_MMIO:
		vcpu->mmio++;
		bus_mmio(vcpu->owner->config.bus, &exit->access);
		return true;
	case HV_EXIT_PIO:
		vcpu->pio++;
		if (!bus_pio(vcpu->owner->config.bus, &exit->access))
			return true;
		end_by_guest(vcpu);
		return false;
	case HV_EXIT_INTERRUPTED:
		vcpu->other++;
		return true;
	case HV_EXIT_SHUTDOWN:
		end_by_failure(vcpu, 0, "the guest ran into a triple fault");
		return false;
	case HV_EXIT_RESET:
	case HV_EXIT_SYSTEM_EVENT:
		end_by_guest(vcpu);
		return false;
	case HV_EXIT_HLT:
		end_by_failure(vcpu, 0, "it halted, and nothing can wake it");
		return false;
	case HV_EXIT_FAIL:
		end_by_failure(vcpu, exit->reason, exit->why);
		return false;
	}
	return false;
}

static void run(struct vcpu *vcpu)
{
	struct hv_exit exit;

	do {
		if (atomic_load(&vcpu->owner->stopping))
			return;
		hv_vcpu_run(vcpu->hv, &exit);
	} while (handle(vcpu, &exit));
}

static int make_vcpu(struct vcpu *vcpu, struct hv_vcpu **ret, struct err *err)
{
	const struct vcpus_config *config = &vcpu->owner->config;
	int r = hv_vcpu_create(config->vm, vcpu->id, ret, err);

	if (r < 0)
		return r;
	if (vcpu->id == 0)
		r = hv_vcpu_enter_at(*ret, &config->entry);
	return r < 0 ? err_set_errno(err, r, "the hypervisor does not take the first registers")
		     : 0;
}

/* On top of the process's filter: a call is allowed when both allow it. */
static int lock_thread(const struct vcpus_config *config, struct err *err)
{
	struct sock_fprog program = { .len = (unsigned short)config->filter_len,
				      .filter = (struct sock_filter *)config->filter };

	if (config->filter == NULL || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return 0;
	return err_set_errno(err, -errno, "a vCPU thread cannot set its seccomp filter");
}

/* Tells how it went and waits for all; false: there is nothing to run. */
static bool report(struct vcpu *vcpu, struct hv_vcpu *hv, int r, const struct err *err)
{
	struct vcpus *vcpus = vcpu->owner;
	bool go;

	(void)pthread_mutex_lock(&vcpus->lock);
	vcpu->hv = hv;
	if (r < 0 && vcpus->failed == 0) {
		vcpus->failed = r;
		vcpus->why = *err;
	}
	vcpus->ready++;
	(void)pthread_cond_broadcast(&vcpus->changed);
	while (!vcpus->go && !atomic_load(&vcpus->stopping))
		(void)pthread_cond_wait(&vcpus->changed, &vcpus->lock);
	go = vcpus->go && r == 0;
	(void)pthread_mutex_unlock(&vcpus->lock);
	return go;
}

static void *vcpu_main(void *argument)
{
	struct vcpu *vcpu = argument;
	struct hv_vcpu *hv = NULL;
	struct err err = ERR_INIT;
	char name[16];
	int r;

	(void)snprintf(name, sizeof(name), "vcpu %u", vcpu->id);
	(void)pthread_setname_np(pthread_self(), name);
	r = make_vcpu(vcpu, &hv, &err);
	if (r == 0)
		r = lock_thread(&vcpu->owner->config, &err);
	if (report(vcpu, hv, r, &err))
		run(vcpu);
	(void)pthread_mutex_lock(&vcpu->owner->lock);
	vcpu->hv = NULL; /* no more kicks */
	(void)pthread_mutex_unlock(&vcpu->owner->lock);
	hv_vcpu_destroy(hv);
	return NULL;
}

static void tell_end(struct loop_watch *watch, uint32_t events)
{
	struct vcpus *vcpus = container_of(watch, struct vcpus, ended);

	(void)events;
	loop_remove(watch);
	vcpus->config.ended(vcpus->config.ctx, &vcpus->end);
}

static int start_threads(struct vcpus *vcpus, struct err *err)
{
	for (unsigned i = 0; i < vcpus->config.count; i++) {
		struct vcpu *vcpu = &vcpus->cpu[i];
		int r;

		*vcpu = (struct vcpu){ .owner = vcpus, .id = i };
		r = -pthread_create(&vcpu->thread, NULL, vcpu_main, vcpu);
		if (r < 0)
			return err_set_errno(err, r, "cannot start a thread for vCPU %u", i);
		vcpus->threads++;
	}
	return 0;
}

static int await_ready(struct vcpus *vcpus, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&vcpus->lock);
	while (vcpus->ready < vcpus->config.count)
		(void)pthread_cond_wait(&vcpus->changed, &vcpus->lock);
	r = vcpus->failed;
	if (r < 0)
		*err = vcpus->why;
	(void)pthread_mutex_unlock(&vcpus->lock);
	return r;
}

int vcpus_start(struct vcpus *vcpus, const struct vcpus_config *config, struct err *err)
{
	int r;

	*vcpus = (struct vcpus){ .config = *config,
				 .lock = PTHREAD_MUTEX_INITIALIZER,
				 .changed = PTHREAD_COND_INITIALIZER,
				 .ended_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				 .ended.fd = -1 };
	if (vcpus->ended_event < 0)
		return err_set_errno(err, -errno, "no descriptor for the end of the guest");
	r = loop_add(config->loop, &vcpus->ended, vcpus->ended_event, EPOLLIN, tell_end);
	if (r < 0)
		(void)err_set_errno(err, r, "cannot wait for the end of the guest");
	if (r == 0)
		r = start_threads(vcpus, err);
	if (r == 0)
		r = await_ready(vcpus, err);
	if (r < 0)
		vcpus_stop(vcpus);
	return r;
}

void vcpus_go(struct vcpus *vcpus)
{
	(void)pthread_mutex_lock(&vcpus->lock);
	vcpus->go = true;
	(void)pthread_cond_broadcast(&vcpus->changed);
	(void)pthread_mutex_unlock(&vcpus->lock);
}

void vcpus_count(const struct vcpus *vcpus, struct vcpu_counts *ret)
{
	*ret = (struct vcpu_counts){ 0 };
	for (unsigned i = 0; i < vcpus->config.count; i++) {
		ret->mmio += vcpus->cpu[i].mmio;
		ret->pio += vcpus->cpu[i].pio;
		ret->other += vcpus->cpu[i].other;
	}
}

static void kick_all(struct vcpus *vcpus)
{
	(void)pthread_mutex_lock(&vcpus->lock);
	for (unsigned i = 0; i < vcpus->threads; i++)
		if (vcpus->cpu[i].hv != NULL)
			hv_vcpu_kick(vcpus->cpu[i].hv);
	(void)pthread_cond_broadcast(&vcpus->changed);
	(void)pthread_mutex_unlock(&vcpus->lock);
}

void vcpus_stop(struct vcpus *vcpus)
{
	atomic_store(&vcpus->stopping, true);
	kick_all(vcpus);
	for (unsigned i = 0; i < vcpus->threads; i++)
		(void)pthread_join(vcpus->cpu[i].thread, NULL);
	vcpus->threads = 0;
	loop_remove(&vcpus->ended);
	if (vcpus->ended_event >= 0)
		(void)close(vcpus->ended_event);
	vcpus->ended_event = -1;
}
