/*
 * A hypervisor: guest memory, vCPUs, interrupt lines.
 *
 * One const table of functions for each (struct hv_impl): `hv_kvm` runs
 * guests, `hv_fake` plays a script so that everything above can be tested
 * anywhere. Only hv.c calls through the table.
 *
 * A VM is used by one thread at a time until its vCPUs run; afterwards
 * hv_irq_set() may be called from any thread. A vCPU belongs to the thread
 * that created it: that thread runs and destroys it, others may only
 * hv_vcpu_kick() it. (Hypervisor.framework demands this, KVM likes it.)
 *
 * Doorbells and interrupt descriptors are optional abilities: where they are
 * missing (-EOPNOTSUPP) a guest's write arrives as HV_EXIT_MMIO and the caller
 * raises lines by hv_irq_set().
 *
 * Nothing here trusts the guest: addresses and widths of an exit are what the
 * hypervisor reports, contents are what the guest made of them.
 */
#ifndef HV_HV_H
#define HV_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/entry.h"

struct err;
struct hv_vcpu;
struct hv_vm;

enum hv_exit_kind {
	HV_EXIT_MMIO,	      /* access to an address that is not memory */
	HV_EXIT_PIO,	      /* access to an I/O port (x86) */
	HV_EXIT_HLT,	      /* halted; only seen without the in-kernel interrupt controller */
	HV_EXIT_SHUTDOWN,     /* triple fault: the guest cannot even handle its faults */
	HV_EXIT_RESET,	      /* the guest asked the hypervisor for a reset */
	HV_EXIT_SYSTEM_EVENT, /* another event of the whole machine; `reason` is its number */
	HV_EXIT_FAIL,	      /* this vCPU cannot go on; `reason` and `why` say more */
	HV_EXIT_INTERRUPTED,  /* hv_vcpu_kick() or a signal: look at your own flags */
};

/* A guest's access to a device. */
struct hv_access {
	uint64_t address; /* guest-physical address or port */
	uint32_t width;	  /* bytes of one item: 1, 2, 4 or 8 */
	uint32_t count;	  /* items, more than 1 for string I/O to one port */
	bool write;
	/*
	 * width * count bytes. A write: what the guest wrote. A read: to be filled before the
	 * vCPU runs again. Valid until then, and the caller's alone.
	 */
	uint8_t *data;
};

struct hv_exit {
	enum hv_exit_kind kind;
	struct hv_access access; /* MMIO and PIO */
	uint64_t reason;	 /* SYSTEM_EVENT and FAIL: the hypervisor's own number */
	const char *why;	 /* FAIL: what that means, never NULL; a constant */
};

struct hv_config {
	int device;    /* open /dev/kvm, stays the caller's; unused by hypervisors without one */
	unsigned cpus; /* how many vCPUs will be made */
	bool irqchip;  /* have interrupt controllers and timers; else HLT exits */
	struct hv_fake *fake; /* the script, hv_fake only; weak */
};

/*
 * What a hypervisor does; all members but those marked optional must be set.
 * A vm and a vcpu begin with struct hv_vm and struct hv_vcpu; hv.c fills their
 * impl. Arguments are as described at the functions below.
 */
struct hv_impl {
	const char *name;
	int (*vm_create)(const struct hv_config *config, struct hv_vm **ret, struct err *err);
	void (*vm_destroy)(struct hv_vm *vm);
	int (*mem_map)(struct hv_vm *vm, uint64_t gpa, void *host, uint64_t size);
	int (*irq_set)(struct hv_vm *vm, uint32_t line, bool level);
	int (*irq_fd)(struct hv_vm *vm, uint32_t line, int fd);			 /* optional */
	int (*doorbell)(struct hv_vm *vm, uint64_t gpa, uint32_t value, int fd); /* optional */
	int (*vcpu_create)(struct hv_vm *vm, uint32_t id, struct hv_vcpu **ret, struct err *err);
	void (*vcpu_destroy)(struct hv_vcpu *vcpu);
	int (*vcpu_enter_at)(struct hv_vcpu *vcpu, const struct hv_entry *entry);
	void (*vcpu_run)(struct hv_vcpu *vcpu, struct hv_exit *ret);
	void (*vcpu_kick)(struct hv_vcpu *vcpu);
};

struct hv_vm {
	const struct hv_impl *impl;
};

struct hv_vcpu {
	const struct hv_impl *impl;
};

/* Makes an empty VM; the sentence says what is missing on this host. */
int hv_vm_create(const struct hv_impl *impl, const struct hv_config *config, struct hv_vm **ret,
		 struct err *err);

/* All vCPUs are destroyed before; NULL is fine. Guest memory stays the caller's. */
void hv_vm_destroy(struct hv_vm *vm);

/*
 * Puts size bytes of host memory at gpa; both and size are page-aligned, the
 * memory stays mapped while the VM lives. -EINVAL, -EEXIST, -ENOMEM, -ENOSPC.
 */
int hv_mem_map(struct hv_vm *vm, uint64_t gpa, void *host, uint64_t size);

/* Sets an interrupt line; an edge is a rise and a fall. */
int hv_irq_set(struct hv_vm *vm, uint32_t line, bool level);

/* Each write to the eventfd pulses the line, without us. -EOPNOTSUPP: do it yourself. */
int hv_irq_fd(struct hv_vm *vm, uint32_t line, int fd);

/*
 * A 32-bit write of exactly `value` at gpa signals the eventfd instead of
 * exiting. -EOPNOTSUPP: the write exits as HV_EXIT_MMIO.
 */
int hv_doorbell(struct hv_vm *vm, uint64_t gpa, uint32_t value, int fd);

/*
 * Makes vCPU id (0 .. cpus-1) for the calling thread. With interrupt
 * controllers, those but 0 wait for the start-up signal of another.
 */
int hv_vcpu_create(struct hv_vm *vm, uint32_t id, struct hv_vcpu **ret, struct err *err);
void hv_vcpu_destroy(struct hv_vcpu *vcpu);

/* Before the first run: where and how the guest's first instruction executes. */
int hv_vcpu_enter_at(struct hv_vcpu *vcpu, const struct hv_entry *entry);

/* Runs until something needs the caller. It never fails: a failure is an exit. */
void hv_vcpu_run(struct hv_vcpu *vcpu, struct hv_exit *ret);

/*
 * From any thread: the run in progress, or else the next one, ends with
 * HV_EXIT_INTERRUPTED. The `kvm` implementation uses signal SIGRTMIN.
 */
void hv_vcpu_kick(struct hv_vcpu *vcpu);

extern const struct hv_impl hv_kvm;

#endif
