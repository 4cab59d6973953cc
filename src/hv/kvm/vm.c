#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "hv/kvm/private.h"

/* What we build on. All of it is in Linux since 4.12. */
static const struct {
	int capability;
	const char *name;
} required[] = {
	{ KVM_CAP_USER_MEMORY, "user memory" },
	{ KVM_CAP_IMMEDIATE_EXIT, "immediate exit" },
	{ KVM_CAP_IRQCHIP, "an interrupt controller" },
	{ KVM_CAP_IRQFD, "interrupt descriptors" },
	{ KVM_CAP_IOEVENTFD, "doorbells" },
};

int kvm_check_extension(const struct kvm_vm *vm, int capability)
{
	return ioctl(vm->device, KVM_CHECK_EXTENSION, capability);
}

static int check_host(struct kvm_vm *vm, unsigned cpus, struct err *err)
{
	int version = ioctl(vm->device, KVM_GET_API_VERSION, 0);
	int size, max;

	if (version < 0)
		return err_set_errno(err, -errno, "/dev/kvm does not answer as KVM");
	if (version != KVM_API_VERSION)
		return err_set(err, -EOPNOTSUPP, "this host's KVM speaks version %d, we speak %d",
			       version, KVM_API_VERSION);
	for (size_t i = 0; i < countof(required); i++)
		if (kvm_check_extension(vm, required[i].capability) <= 0)
			return err_set(err, -EOPNOTSUPP, "this host's KVM lacks %s",
				       required[i].name);
	max = kvm_check_extension(vm, KVM_CAP_MAX_VCPUS);
	if (max > 0 && cpus > (unsigned)max)
		return err_set(err, -EINVAL, "%u vCPUs are more than this host's KVM allows (%d)",
			       cpus, max);
	size = ioctl(vm->device, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run))
		return err_set(err, -EIO, "this host's KVM has a run area of %d bytes", size);
	vm->run_size = (size_t)size;
	return 0;
}

static void vm_destroy(struct hv_vm *base)
{
	struct kvm_vm *vm = (struct kvm_vm *)base;

	if (vm->fd >= 0)
		(void)close(vm->fd);
	free(vm->cpuid);
	free(vm);
}

static int vm_create(const struct hv_config *config, struct hv_vm **ret, struct err *err)
{
	struct kvm_vm *vm = calloc(1, sizeof(*vm));
	int r;

	if (vm == NULL)
		return err_set_errno(err, -ENOMEM, "cannot make a VM");
	*vm = (struct kvm_vm){
		.device = config->device,
		.fd = -1,
		.cpus = config->cpus,
		.irqchip = config->irqchip,
	};
	r = check_host(vm, config->cpus, err);
	if (r < 0)
		goto destroy_vm;
	do { /* a signal may interrupt it */
		vm->fd = ioctl(config->device, KVM_CREATE_VM, 0);
	} while (vm->fd < 0 && errno == EINTR);
	if (vm->fd < 0) {
		r = err_set_errno(err, -errno, "KVM cannot make a VM");
		goto destroy_vm;
	}
	r = kvm_arch_vm_init(vm, err);
	if (r < 0)
		goto destroy_vm;
	*ret = &vm->base;
	return 0;

destroy_vm:
	vm_destroy(&vm->base);
	return r;
}

static int mem_map(struct hv_vm *base, uint64_t gpa, void *host, uint64_t size)
{
	struct kvm_vm *vm = (struct kvm_vm *)base;
	struct kvm_userspace_memory_region region = {
		.slot = vm->slots,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	if (size == 0)
		return -EINVAL;
	if (vm->slots == KVM_SLOTS_MAX)
		return -ENOSPC;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return -errno;
	vm->slots++;
	return 0;
}

const struct hv_impl hv_kvm = {
	.name = "kvm",
	.vm_create = vm_create,
	.vm_destroy = vm_destroy,
	.mem_map = mem_map,
	.irq_set = kvm_irq_set,
	.irq_fd = kvm_irq_fd,
	.doorbell = kvm_doorbell,
	.vcpu_create = kvm_vcpu_create,
	.vcpu_destroy = kvm_vcpu_destroy,
	.vcpu_enter_at = kvm_vcpu_enter_at,
	.vcpu_run = kvm_vcpu_run,
	.vcpu_kick = kvm_vcpu_kick,
};
