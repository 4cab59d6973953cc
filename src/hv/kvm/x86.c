#include <errno.h>
#include <linux/kvm.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "hv/flat.h"
#include "hv/kvm/cpuid.h"
#include "hv/kvm/private.h"

enum {
	CPUID_ENTRIES_MAX = 256, /* KVM_MAX_CPUID_ENTRIES of the kernel */
	/* Bits of the control registers and of EFER: AMD64 manual volume 2, chapter 3. */
	CR0_PE = 1u << 0,
	CR0_ET = 1u << 4,
	CR0_NE = 1u << 5,
	CR4_PAE = 1u << 5,
	EFER_LME = 1u << 8,
	EFER_LMA = 1u << 10,
	RFLAGS_RESERVED = 1u << 1, /* always one */
	SEGMENT_CODE = 0xb,	   /* execute, read, accessed */
	SEGMENT_DATA = 0x3,	   /* read, write, accessed */
};

#define CR0_PG (1u << 31)

/* Intel hosts keep 3 pages and one more for themselves, just below the end of 4 GiB. */
static const uint64_t tss_pages = 0xfffbd000;
static const uint64_t identity_page = 0xfffbc000;

/* What firmware would have set, and Linux expects to find set. */
static const struct kvm_msr_entry boot_msrs[] = {
	{ .index = 0x1a0, .data = 1 },	   /* IA32_MISC_ENABLE: fast strings */
	{ .index = 0x2ff, .data = 0x806 }, /* MTRR_DEF_TYPE: on, all memory is write-back */
};

static int load_cpuid(struct kvm_vm *vm, struct err *err)
{
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + CPUID_ENTRIES_MAX * sizeof(cpuid->entries[0]));

	if (cpuid == NULL)
		return err_set_errno(err, -ENOMEM, "cannot ask what the processor can do");
	vm->cpuid = cpuid;
	cpuid->nent = CPUID_ENTRIES_MAX;
	if (ioctl(vm->device, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return err_set_errno(err, -errno, "KVM does not say what the processor can do");
	cpuid->nent = (uint32_t)cpuid_filter(cpuid->entries, cpuid->nent);
	if (vm->irqchip && kvm_check_extension(vm, KVM_CAP_TSC_DEADLINE_TIMER) > 0)
		cpuid_offer_deadline_timer(cpuid->entries, cpuid->nent);
	return 0;
}

int kvm_arch_vm_init(struct kvm_vm *vm, struct err *err)
{
	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_page) < 0 ||
	    ioctl(vm->fd, KVM_SET_TSS_ADDR, tss_pages) < 0)
		return err_set_errno(err, -errno, "KVM does not take its own pages");
	if (vm->irqchip && ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return err_set_errno(err, -errno, "KVM cannot make an interrupt controller");
	return load_cpuid(vm, err);
}

/* A host that does not know an MSR stops there; it is skipped, the rest is set. */
static void set_boot_msrs(struct kvm_vcpu *vcpu)
{
	for (size_t i = 0; i < countof(boot_msrs); i++) {
		alignas(struct kvm_msrs)
			uint8_t request[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
		struct kvm_msrs head = { .nmsrs = 1 };

		memcpy(request, &head, sizeof(head));
		memcpy(request + sizeof(head), &boot_msrs[i], sizeof(boot_msrs[i]));
		(void)ioctl(vcpu->fd, KVM_SET_MSRS, request);
	}
}

int kvm_arch_vcpu_init(struct kvm_vcpu *vcpu, uint32_t id, struct err *err)
{
	const struct kvm_cpuid2 *common = vcpu->vm->cpuid;
	size_t size = sizeof(*common) + common->nent * sizeof(common->entries[0]);
	autofree struct kvm_cpuid2 *own = malloc(size);

	if (own == NULL)
		return err_set_errno(err, -ENOMEM, "cannot describe vCPU %u", id);
	memcpy(own, common, size);
	cpuid_place(own->entries, own->nent, id, vcpu->vm->cpus);
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, own) < 0)
		return err_set_errno(err, -errno, "KVM refuses the description of vCPU %u", id);
	set_boot_msrs(vcpu);
	return 0;
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, bool code)
{
	return (struct kvm_segment){
		.selector = selector,
		.limit = 0xffffffff,
		.type = type,
		.present = 1,
		.s = 1,
		.l = code,
		.db = !code,
		.g = 1,
	};
}

int kvm_vcpu_enter_at(struct hv_vcpu *base, const struct hv_entry *entry)
{
	struct kvm_vcpu *vcpu = (struct kvm_vcpu *)base;
	struct kvm_regs regs = {
		.rip = entry->pc,
		.rsi = entry->argument,
		.rsp = entry->stack,
		.rflags = RFLAGS_RESERVED,
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	sregs.cs = flat_segment(HV_FLAT_CODE, SEGMENT_CODE, true);
	sregs.ds = flat_segment(HV_FLAT_DATA, SEGMENT_DATA, false);
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	sregs.gdt.base = entry->gdt;
	sregs.gdt.limit = HV_FLAT_GDT_BYTES - 1;
	sregs.cr3 = entry->page_table;
	sregs.cr4 = CR4_PAE;
	sregs.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
	sregs.efer = EFER_LME | EFER_LMA;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0)
		return -errno;
	return ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0 ? -errno : 0;
}
