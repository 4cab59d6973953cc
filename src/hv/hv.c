#include "hv/hv.h"

#include <errno.h>

int hv_vm_create(const struct hv_impl *impl, const struct hv_config *config, struct hv_vm **ret,
		 struct err *err)
{
	struct hv_vm *vm = NULL;
	int r = impl->vm_create(config, &vm, err);

	if (r < 0)
		return r;
	vm->impl = impl;
	*ret = vm;
	return 0;
}

void hv_vm_destroy(struct hv_vm *vm)
{
	if (vm != NULL)
		vm->impl->vm_destroy(vm);
}

int hv_mem_map(struct hv_vm *vm, uint64_t gpa, void *host, uint64_t size)
{
	return vm->impl->mem_map(vm, gpa, host, size);
}

int hv_irq_set(struct hv_vm *vm, uint32_t line, bool level)
{
	return vm->impl->irq_set(vm, line, level);
}

int hv_irq_fd(struct hv_vm *vm, uint32_t line, int fd)
{
	if (vm->impl->irq_fd == NULL)
		return -EOPNOTSUPP;
	return vm->impl->irq_fd(vm, line, fd);
}

int hv_doorbell(struct hv_vm *vm, uint64_t gpa, uint32_t value, int fd)
{
	if (vm->impl->doorbell == NULL)
		return -EOPNOTSUPP;
	return vm->impl->doorbell(vm, gpa, value, fd);
}

int hv_vcpu_create(struct hv_vm *vm, uint32_t id, struct hv_vcpu **ret, struct err *err)
{
	struct hv_vcpu *vcpu = NULL;
	int r = vm->impl->vcpu_create(vm, id, &vcpu, err);

	if (r < 0)
		return r;
	vcpu->impl = vm->impl;
	*ret = vcpu;
	return 0;
}

void hv_vcpu_destroy(struct hv_vcpu *vcpu)
{
	if (vcpu != NULL)
		vcpu->impl->vcpu_destroy(vcpu);
}

int hv_vcpu_enter_at(struct hv_vcpu *vcpu, const struct hv_entry *entry)
{
	return vcpu->impl->vcpu_enter_at(vcpu, entry);
}

void hv_vcpu_run(struct hv_vcpu *vcpu, struct hv_exit *ret)
{
	vcpu->impl->vcpu_run(vcpu, ret);
}

void hv_vcpu_kick(struct hv_vcpu *vcpu)
{
	vcpu->impl->vcpu_kick(vcpu);
}
