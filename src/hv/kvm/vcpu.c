#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "hv/kvm/private.h"

static const char *const internal_errors[] = {
	[KVM_INTERNAL_ERROR_EMULATION] = "KVM cannot emulate an instruction of the guest",
	[KVM_INTERNAL_ERROR_SIMUL_EX] = "exceptions at the same time, which KVM cannot deliver",
	[KVM_INTERNAL_ERROR_DELIVERY_EV] = "KVM cannot deliver an event to the guest",
	[KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "an exit that KVM does not know",
};

static void kick_received(int signal)
{
	(void)signal; /* it is there to interrupt KVM_RUN, no more */
}

/* A signal that arrives just before KVM_RUN is not lost: the kick also sets immediate_exit. */
static int prepare_kicks(void)
{
	struct sigaction action = { .sa_handler = kick_received };
	sigset_t kick;

	(void)sigemptyset(&kick);
	(void)sigaddset(&kick, SIGRTMIN);
	if (sigaction(SIGRTMIN, &action, NULL) < 0)
		return -errno;
	return -pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
}

static int vcpu_open(struct kvm_vcpu *vcpu, uint32_t id, struct err *err)
{
	void *run;
	int r;

	r = prepare_kicks();
	if (r < 0)
		return err_set_errno(err, r, "cannot set up kicks of vCPU %u", id);
	vcpu->fd = ioctl(vcpu->vm->fd, KVM_CREATE_VCPU, id);
	if (vcpu->fd < 0)
		return err_set_errno(err, -errno, "KVM cannot make vCPU %u", id);
	run = mmap(NULL, vcpu->vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (run == MAP_FAILED)
		return err_set_errno(err, -errno, "cannot map the run area of vCPU %u", id);
	vcpu->run = run;
	return kvm_arch_vcpu_init(vcpu, id, err);
}

int kvm_vcpu_create(struct hv_vm *base, uint32_t id, struct hv_vcpu **ret, struct err *err)
{
	struct kvm_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	int r;

	if (vcpu == NULL)
		return err_set_errno(err, -ENOMEM, "cannot make vCPU %u", id);
	*vcpu = (struct kvm_vcpu){
		.vm = (struct kvm_vm *)base,
		.fd = -1,
		.thread = pthread_self(),
	};
	r = vcpu_open(vcpu, id, err);
	if (r < 0) {
		kvm_vcpu_destroy(&vcpu->base);
		return r;
	}
	*ret = &vcpu->base;
	return 0;
}

void kvm_vcpu_destroy(struct hv_vcpu *base)
{
	struct kvm_vcpu *vcpu = (struct kvm_vcpu *)base;

	if (vcpu->run != NULL)
		(void)munmap(vcpu->run, vcpu->vm->run_size);
	if (vcpu->fd >= 0)
		(void)close(vcpu->fd);
	free(vcpu);
}

static struct hv_exit failure(uint64_t reason, const char *why)
{
	return (struct hv_exit){ .kind = HV_EXIT_FAIL, .reason = reason, .why = why };
}

static struct hv_exit internal_error(uint32_t suberror)
{
	if (suberror < countof(internal_errors) && internal_errors[suberror] != NULL)
		return failure(suberror, internal_errors[suberror]);
	return failure(suberror, "an internal error of KVM");
}

static struct hv_exit mmio(struct kvm_run *run)
{
	return (struct hv_exit){
		.kind = HV_EXIT_MMIO,
		.access = { .address = run->mmio.phys_addr,
			    .width = run->mmio.len,
			    .count = 1,
			    .write = run->mmio.is_write,
			    .data = run->mmio.data },
	};
}

static struct hv_exit pio(struct kvm_run *run)
{
	return (struct hv_exit){
		.kind = HV_EXIT_PIO,
		.access = { .address = run->io.port,
			    .width = run->io.size,
			    .count = run->io.count,
			    .write = run->io.direction == KVM_EXIT_IO_OUT,
			    .data = (uint8_t *)run + run->io.data_offset },
	};
}

static struct hv_exit system_event(const struct kvm_run *run)
{
	return (struct hv_exit){
		.kind = run->system_event.type == KVM_SYSTEM_EVENT_RESET ? HV_EXIT_RESET
									 : HV_EXIT_SYSTEM_EVENT,
		.reason = run->system_event.type,
	};
}

/* The reasons come from the host's kernel, which may be newer than this list. */
static struct hv_exit decode(struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		return mmio(run);
	case KVM_EXIT_IO:
		return pio(run);
	case KVM_EXIT_HLT:
		return (struct hv_exit){ .kind = HV_EXIT_HLT };
	case KVM_EXIT_SHUTDOWN:
		return (struct hv_exit){ .kind = HV_EXIT_SHUTDOWN };
	case KVM_EXIT_SYSTEM_EVENT:
		return system_event(run);
	case KVM_EXIT_INTR:
		return (struct hv_exit){ .kind = HV_EXIT_INTERRUPTED };
	case KVM_EXIT_FAIL_ENTRY:
		return failure(run->fail_entry.hardware_entry_failure_reason,
			       "the processor refuses to enter the guest");
	case KVM_EXIT_INTERNAL_ERROR:
		return internal_error(run->internal.suberror);
	default:
		return failure(run->exit_reason, "an exit that we do not know");
	}
}

void kvm_vcpu_run(struct hv_vcpu *base, struct hv_exit *ret)
{
	struct kvm_vcpu *vcpu = (struct kvm_vcpu *)base;
	int r;

	do { /* EAGAIN: a waiting vCPU was started by another one */
		r = ioctl(vcpu->fd, KVM_RUN, 0);
	} while (r < 0 && errno == EAGAIN);

	if (r == 0)
		*ret = decode(vcpu->run);
	else if (errno == EINTR)
		*ret = (struct hv_exit){ .kind = HV_EXIT_INTERRUPTED };
	else if (errno == EFAULT || errno == ENOMEM)
		*ret = failure((uint64_t)errno, "the host cannot give the guest its memory");
	else
		*ret = failure((uint64_t)errno, "KVM cannot run the vCPU");
	if (ret->kind == HV_EXIT_INTERRUPTED)
		__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

void kvm_vcpu_kick(struct hv_vcpu *base)
{
	struct kvm_vcpu *vcpu = (struct kvm_vcpu *)base;

	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	(void)pthread_kill(vcpu->thread, SIGRTMIN);
}
