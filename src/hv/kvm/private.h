/*
 * What the files of hv/kvm share. vm.c makes machines, vcpu.c runs them, irq.c
 * wires lines and doorbells, x86.c holds all that is not common to every
 * architecture KVM knows, cpuid.c says which processor the guest sees.
 */
#ifndef HV_KVM_PRIVATE_H
#define HV_KVM_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/hv.h"

struct kvm_cpuid2;
struct kvm_run;

enum { KVM_SLOTS_MAX = 8 };

struct kvm_vm {
	struct hv_vm base;
	int device;		  /* /dev/kvm, weak */
	int fd;			  /* owned */
	uint32_t slots;		  /* memory slots in use */
	unsigned cpus;		  /* how many the guest is told of */
	size_t run_size;	  /* bytes of a vCPU's shared page(s) */
	bool irqchip;		  /* in-kernel interrupt controllers */
	struct kvm_cpuid2 *cpuid; /* owned; what every vCPU shows, before its own place in it */
};

struct kvm_vcpu {
	struct hv_vcpu base;
	struct kvm_vm *vm;   /* weak */
	int fd;		     /* owned */
	struct kvm_run *run; /* owned mapping */
	pthread_t thread;    /* whose it is */
};

/* vm.c */
int kvm_check_extension(const struct kvm_vm *vm, int capability);

/* irq.c */
int kvm_irq_set(struct hv_vm *base, uint32_t line, bool level);
int kvm_irq_fd(struct hv_vm *base, uint32_t line, int fd);
int kvm_doorbell(struct hv_vm *base, uint64_t gpa, uint32_t value, int fd);

/* vcpu.c */
int kvm_vcpu_create(struct hv_vm *base, uint32_t id, struct hv_vcpu **ret, struct err *err);
void kvm_vcpu_destroy(struct hv_vcpu *base);
void kvm_vcpu_run(struct hv_vcpu *base, struct hv_exit *ret);
void kvm_vcpu_kick(struct hv_vcpu *base);

/* x86.c */
int kvm_arch_vm_init(struct kvm_vm *vm, struct err *err);
int kvm_arch_vcpu_init(struct kvm_vcpu *vcpu, uint32_t id, struct err *err);
int kvm_vcpu_enter_at(struct hv_vcpu *base, const struct hv_entry *entry);

#endif
