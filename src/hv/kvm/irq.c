#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "hv/kvm/private.h"

int kvm_irq_set(struct hv_vm *base, uint32_t line, bool level)
{
	struct kvm_vm *vm = (struct kvm_vm *)base;
	struct kvm_irq_level request = { .irq = line, .level = level };

	return ioctl(vm->fd, KVM_IRQ_LINE, &request) < 0 ? -errno : 0;
}

int kvm_irq_fd(struct hv_vm *base, uint32_t line, int fd)
{
	struct kvm_vm *vm = (struct kvm_vm *)base;
	struct kvm_irqfd request = { .fd = (uint32_t)fd, .gsi = line };

	if (!vm->irqchip)
		return -EOPNOTSUPP;
	return ioctl(vm->fd, KVM_IRQFD, &request) < 0 ? -errno : 0;
}

int kvm_doorbell(struct hv_vm *base, uint64_t gpa, uint32_t value, int fd)
{
	struct kvm_vm *vm = (struct kvm_vm *)base;
	struct kvm_ioeventfd request = {
		.addr = gpa,
		.len = sizeof(value),
		.datamatch = value,
		.fd = fd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	return ioctl(vm->fd, KVM_IOEVENTFD, &request) < 0 ? -errno : 0;
}
