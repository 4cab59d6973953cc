/*
 * The processor that an x86-64 guest sees: a table of what may pass, applied
 * to what KVM offers on this host.
 *
 * A leaf without a row is dropped, a bit not in its row is cleared: the guest
 * sees what it needs and what we can answer for, never a feature that a newer
 * host brought along (nested virtualization, performance counters, tracing,
 * enclaves, tiles that need a permission first).
 */
#ifndef HV_KVM_CPUID_H
#define HV_KVM_CPUID_H

#include <stddef.h>
#include <stdint.h>

struct kvm_cpuid_entry2;

/* Filters count entries in place; returns how many are left, in their order. */
size_t cpuid_filter(struct kvm_cpuid_entry2 *entries, size_t count);

/*
 * Offers the APIC timer that takes deadlines in TSC ticks. KVM never lists it, for it depends on
 * an in-kernel APIC; without it and without an old timer chip Linux cannot tell how fast its APIC
 * timer runs.
 */
void cpuid_offer_deadline_timer(struct kvm_cpuid_entry2 *entries, size_t count);

/* Writes one vCPU's place into them: its APIC id, and that it is one of `cpus` cores of a package.
 */
void cpuid_place(struct kvm_cpuid_entry2 *entries, size_t count, uint32_t apic_id, uint32_t cpus);

#endif
