#include "hv/kvm/cpuid.h"

#include <asm/kvm_para.h>
#include <linux/kvm.h>

#include "base/check.h"

/*
 * Names of leaves and bits: Intel SDM volume 2A "CPUID", AMD APM volume 3
 * appendix E, Linux Documentation/virt/kvm/x86/cpuid.rst.
 */
#define LEAF_FEATURES 0x1u
#define LEAF_CACHE 0x4u
#define LEAF_TOPOLOGY 0xbu
#define LEAF_AMD_SIZES 0x80000008u
#define LEAF_AMD_CACHE 0x8000001du
#define LEAF_AMD_TOPOLOGY 0x8000001eu

#define BIT(n) (1u << (n))
#define ALL 0xffffffffu
#define ANY 0xffffffffu /* every index of the leaf */

/* Leaf 1 ECX: all but DTES64 2, MONITOR 3, DS-CPL 4, VMX 5, SMX 6, EST 7, TM2 8, SDBG 11, xTPR 14,
 * PDCM 15, DCA 18, OSXSAVE is kept up by KVM. */
#define FEATURES_ECX                                                                      \
	(ALL & ~(BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(11) | \
		 BIT(14) | BIT(15) | BIT(18)))
#define FEATURES_ECX_DEADLINE BIT(24)
/* Leaf 1 EDX: all but PSN 18, DS 21, ACPI 22, TM 29, PBE 31. */
#define FEATURES_EDX (ALL & ~(BIT(18) | BIT(21) | BIT(22) | BIT(29) | BIT(31)))
/* Leaf 7.0 EBX: all but SGX 2, HLE 4, RTM 11, PQM 12, MPX 14, PQE 15, PT 25. */
#define EXTENDED_EBX (ALL & ~(BIT(2) | BIT(4) | BIT(11) | BIT(12) | BIT(14) | BIT(15) | BIT(25)))
/* Leaf 7.0 ECX: all but WAITPKG 5, TME 13, bus-lock 24, ENQCMD 29, SGX_LC 30, PKS 31. */
#define EXTENDED_ECX (ALL & ~(BIT(5) | BIT(13) | BIT(24) | BIT(29) | BIT(30) | BIT(31)))
/* Leaf 7.0 EDX: all but UINTR 5, TSX 11 and 13, PCONFIG 18, LBR 19, AMX 22 24 25. */
#define EXTENDED_EDX \
	(ALL & ~(BIT(5) | BIT(11) | BIT(13) | BIT(18) | BIT(19) | BIT(22) | BIT(24) | BIT(25)))
/* Leaf 7.1 EAX: VEX and AVX extensions and fast string moves; no AMX (21), LAM (26) or others. */
#define EXTENDED1_EAX (BIT(4) | BIT(5) | BIT(10) | BIT(11) | BIT(12) | BIT(23))
/* Leaf d.0 EAX, XCR0: x87, SSE, AVX, AVX-512, PKRU; no MPX (3, 4) and no tiles (17, 18). */
#define XCR0_EAX (BIT(0) | BIT(1) | BIT(2) | BIT(5) | BIT(6) | BIT(7) | BIT(9))
/* Leaf 80000001 ECX: all but SVM 2, OSVW 9, IBS 10, SKINIT 12, WDT 13, LWP 15, counters 23 24
 * 26-28, MWAITX 29. */
#define AMD_ECX                                                                                \
	(ALL & ~(BIT(2) | BIT(9) | BIT(10) | BIT(12) | BIT(13) | BIT(15) | BIT(23) | BIT(24) | \
		 BIT(26) | BIT(27) | BIT(28) | BIT(29)))
/*
 * kvmclock both ways and stable, no I/O delay, PV EOI, unhalt, IPIs, poll control. No asynchronous
 * page faults: guest memory is never swapped in by us, and not every host has them. No steal time,
 * which the host would write down at each turn of a vCPU, and so neither TLB flush nor yield, which
 * Linux uses only with it.
 */
#define KVM_EAX                                                                                 \
	(BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |                         \
	 BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_PV_EOI) | BIT(KVM_FEATURE_PV_UNHALT) | \
	 BIT(KVM_FEATURE_PV_SEND_IPI) | BIT(KVM_FEATURE_POLL_CONTROL) |                         \
	 BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT))

static const struct row {
	uint32_t function, index;
	uint32_t eax, ebx, ecx, edx; /* bits that pass */
} rows[] = {
	{ 0x0, ANY, ALL, ALL, ALL, ALL }, /* highest leaf, vendor */
	{ LEAF_FEATURES, ANY, ALL, ALL, FEATURES_ECX, FEATURES_EDX },
	{ 0x2, ANY, ALL, ALL, ALL, ALL }, /* cache descriptors */
	{ LEAF_CACHE, ANY, ALL, ALL, ALL, ALL },
	{ 0x6, ANY, BIT(2), 0, 0, 0 }, /* the APIC timer always runs (ARAT) */
	{ 0x7, 0, ALL, EXTENDED_EBX, EXTENDED_ECX, EXTENDED_EDX },
	{ 0x7, 1, EXTENDED1_EAX, 0, 0, 0 },
	{ 0x7, 2, 0, 0, 0, ALL }, /* which mitigations the processor needs */
	{ LEAF_TOPOLOGY, ANY, ALL, ALL, ALL, ALL },
	{ 0xd, 0, XCR0_EAX, ALL, ALL, 0 },
	{ 0xd, 1, 0xf, ALL, 0, 0 }, /* XSAVEOPT, XSAVEC, XGETBV 1, XSAVES; no supervisor states */
	{ 0xd, 2, ALL, ALL, ALL, ALL },
	{ 0xd, 5, ALL, ALL, ALL, ALL },
	{ 0xd, 6, ALL, ALL, ALL, ALL },
	{ 0xd, 7, ALL, ALL, ALL, ALL },
	{ 0xd, 9, ALL, ALL, ALL, ALL },
	{ 0x15, ANY, ALL, ALL, ALL, 0 }, /* TSC and crystal */
	{ 0x16, ANY, ALL, ALL, ALL, 0 }, /* frequencies in MHz */
	{ KVM_CPUID_SIGNATURE, ANY, ALL, ALL, ALL, ALL },
	{ KVM_CPUID_FEATURES, ANY, KVM_EAX, 0, 0, ALL },
	{ 0x80000000, ANY, ALL, ALL, ALL, ALL },
	{ 0x80000001, ANY, ALL, ALL, AMD_ECX, ALL },
	{ 0x80000002, ANY, ALL, ALL, ALL, ALL }, /* the name, in three parts */
	{ 0x80000003, ANY, ALL, ALL, ALL, ALL },
	{ 0x80000004, ANY, ALL, ALL, ALL, ALL },
	{ 0x80000005, ANY, ALL, ALL, ALL, ALL }, /* caches and TLBs */
	{ 0x80000006, ANY, ALL, ALL, ALL, ALL },
	{ 0x80000007, ANY, 0, 0, 0, BIT(8) }, /* the TSC is invariant */
	{ LEAF_AMD_SIZES, ANY, ALL, ALL, ALL, 0 },
	{ 0x80000019, ANY, ALL, ALL, 0, 0 }, /* TLBs for 1 GiB pages */
	{ 0x8000001a, ANY, ALL, 0, 0, 0 },
	{ LEAF_AMD_CACHE, ANY, ALL, ALL, ALL, ALL },
	{ LEAF_AMD_TOPOLOGY, ANY, ALL, ALL, ALL, 0 },
	{ 0x80000021, ANY, ALL, 0, ALL, 0 }, /* which mitigations the processor needs */
};

static const struct row *find_row(const struct kvm_cpuid_entry2 *entry)
{
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].function == entry->function &&
		    (rows[i].index == ANY || rows[i].index == entry->index))
			return &rows[i];
	return NULL;
}

size_t cpuid_filter(struct kvm_cpuid_entry2 *entries, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct kvm_cpuid_entry2 entry = entries[i];
		const struct row *row = find_row(&entry);

		if (row == NULL)
			continue;
		entry.eax &= row->eax;
		entry.ebx &= row->ebx;
		entry.ecx &= row->ecx;
		entry.edx &= row->edx;
		entries[kept++] = entry;
	}
	return kept;
}

void cpuid_offer_deadline_timer(struct kvm_cpuid_entry2 *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i].function == LEAF_FEATURES)
			entries[i].ecx |= FEATURES_ECX_DEADLINE;
}

/* Bits an APIC id needs for `count` cores. */
static uint32_t id_bits(uint32_t count)
{
	uint32_t bits = 0;

	while (BIT(bits) < count)
		bits++;
	return bits;
}

static void set_field(uint32_t *word, unsigned low, unsigned bits, uint32_t value)
{
	uint32_t mask = (BIT(bits) - 1) << low;

	*word = (*word & ~mask) | (value << low & mask);
}

/* Level 0: one thread a core. Level 1: the cores of the package. Then the end. */
static void place_topology(struct kvm_cpuid_entry2 *entry, uint32_t apic_id, uint32_t cpus)
{
	uint32_t level = entry->index;

	entry->eax = level == 1 ? id_bits(cpus) : 0;
	entry->ebx = level == 0 ? 1 : level == 1 ? cpus : 0;
	entry->ecx = level | (level < 2 ? (level + 1) << 8 : 0); /* type: 1 thread, 2 core */
	entry->edx = apic_id;
}

/* L1 and L2 belong to one core, L3 to all. */
static void place_cache(struct kvm_cpuid_entry2 *entry, uint32_t cpus)
{
	uint32_t type = entry->eax & 0x1f, level = entry->eax >> 5 & 0x7;

	if (type == 0)
		return;
	set_field(&entry->eax, 14, 12, level >= 3 ? cpus - 1 : 0);
	if (entry->function == LEAF_CACHE)
		set_field(&entry->eax, 26, 6, BIT(id_bits(cpus)) - 1);
}

static void place_features(struct kvm_cpuid_entry2 *entry, uint32_t apic_id, uint32_t cpus)
{
	set_field(&entry->ebx, 16, 8, cpus);
	set_field(&entry->ebx, 24, 8, apic_id);
	set_field(&entry->ecx, 31, 1, 1);	 /* in a hypervisor */
	set_field(&entry->edx, 28, 1, cpus > 1); /* the count above is valid */
}

static void place_amd_topology(struct kvm_cpuid_entry2 *entry, uint32_t apic_id)
{
	entry->eax = apic_id;
	entry->ebx = apic_id; /* core id; one thread a core */
	entry->ecx = 0;	      /* node 0 of one */
}

void cpuid_place(struct kvm_cpuid_entry2 *entries, size_t count, uint32_t apic_id, uint32_t cpus)
{
	for (size_t i = 0; i < count; i++) {
		struct kvm_cpuid_entry2 *entry = &entries[i];

		switch (entry->function) {
		case LEAF_FEATURES:
			place_features(entry, apic_id, cpus);
			break;
		case LEAF_CACHE:
		case LEAF_AMD_CACHE:
			place_cache(entry, cpus);
			break;
		case LEAF_TOPOLOGY:
			place_topology(entry, apic_id, cpus);
			break;
		case LEAF_AMD_SIZES:
			set_field(&entry->ecx, 0, 8, cpus - 1);
			set_field(&entry->ecx, 12, 4, id_bits(cpus));
			break;
		case LEAF_AMD_TOPOLOGY:
			place_amd_topology(entry, apic_id);
			break;
		default:
			break;
		}
	}
}
