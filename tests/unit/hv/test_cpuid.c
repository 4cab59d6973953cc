#include <linux/kvm.h>

#include "base/check.h"
#include "hv/kvm/cpuid.h"
#include "tests/unit/test.h"

#define ALL 0xffffffff
#define LEAF(f, i)                                                                            \
	{                                                                                     \
		.function = (f), .index = (i), .eax = ALL, .ebx = ALL, .ecx = ALL, .edx = ALL \
	}

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid_entry2 *entries, size_t count,
					   uint32_t function, uint32_t index)
{
	static const struct kvm_cpuid_entry2 none = { 0 };

	for (size_t i = 0; i < count; i++)
		if (entries[i].function == function && entries[i].index == index)
			return &entries[i];
	return &none;
}

static bool bit(uint32_t word, unsigned number)
{
	return (word >> number & 1) != 0;
}

TEST(leaves_without_a_row_are_dropped_the_rest_keeps_its_order)
{
	struct kvm_cpuid_entry2 entries[] = {
		LEAF(0, 0),    LEAF(0xa, 0),	    LEAF(1, 0),		 LEAF(0x12, 0),
		LEAF(0x14, 0), LEAF(0x8000000a, 0), LEAF(0x8000001f, 0), LEAF(0xd, 18),
		LEAF(0x1f, 0), LEAF(7, 3),	    LEAF(0x80000008, 0),
	};
	size_t count = cpuid_filter(entries, countof(entries));

	CHECK_EQ(count, 3);
	CHECK_EQ(entries[0].function, 0);
	CHECK_EQ(entries[1].function, 1);
	CHECK_EQ(entries[2].function, 0x80000008);
}

TEST(what_we_cannot_answer_for_is_cleared)
{
	struct kvm_cpuid_entry2 entries[] = { LEAF(1, 0), LEAF(7, 0), LEAF(0xd, 0),
					      LEAF(0x80000001, 0), LEAF(0x40000001, 0) };
	size_t count = cpuid_filter(entries, countof(entries));
	const struct kvm_cpuid_entry2 *features = find(entries, count, 1, 0);
	const struct kvm_cpuid_entry2 *extended = find(entries, count, 7, 0);

	CHECK_EQ(count, 5);
	CHECK(!bit(features->ecx, 5));	/* VMX */
	CHECK(!bit(features->ecx, 3));	/* MONITOR */
	CHECK(bit(features->ecx, 21));	/* x2APIC */
	CHECK(bit(features->ecx, 24));	/* TSC deadline */
	CHECK(bit(features->ecx, 28));	/* AVX */
	CHECK(bit(features->ecx, 30));	/* RDRAND */
	CHECK(!bit(features->edx, 21)); /* debug store */
	CHECK(!bit(extended->ebx, 2));	/* SGX */
	CHECK(bit(extended->ebx, 5));	/* AVX2 */
	CHECK(bit(extended->ebx, 18));	/* RDSEED */
	CHECK(!bit(extended->edx, 24)); /* AMX */
	CHECK(bit(extended->edx, 29));	/* ARCH_CAPABILITIES */
	CHECK_EQ(find(entries, count, 0xd, 0)->eax & 0x60018, 0);
	CHECK(!bit(find(entries, count, 0x80000001, 0)->ecx, 2)); /* SVM */
	CHECK(bit(find(entries, count, 0x40000001, 0)->eax, 3));  /* kvmclock */
	CHECK(!bit(find(entries, count, 0x40000001, 0)->eax, 4)); /* asynchronous page faults */
}

TEST(the_deadline_timer_is_offered_when_asked_for)
{
	struct kvm_cpuid_entry2 entries[] = { { .function = 0 }, { .function = 1 } };

	CHECK_EQ(cpuid_filter(entries, countof(entries)), 2);
	cpuid_offer_deadline_timer(entries, countof(entries));
	CHECK(bit(entries[1].ecx, 24));
	CHECK_EQ(entries[0].ecx, 0);
}

TEST(every_vcpu_is_told_its_place)
{
	struct kvm_cpuid_entry2 entries[] = {
		LEAF(1, 0),   LEAF(0xb, 0),	   LEAF(0xb, 1),
		LEAF(0xb, 2), LEAF(0x80000008, 0), LEAF(0x8000001e, 0)
	};
	size_t count = countof(entries);

	cpuid_place(entries, count, 5, 6);
	CHECK_EQ(entries[0].ebx >> 24, 5);
	CHECK_EQ(entries[0].ebx >> 16 & 0xff, 6);
	CHECK(bit(entries[0].ecx, 31)); /* in a hypervisor */
	CHECK(bit(entries[0].edx, 28));
	CHECK_EQ(entries[1].ebx, 1);
	CHECK_EQ(entries[1].ecx, 0x100);
	CHECK_EQ(entries[1].edx, 5);
	CHECK_EQ(entries[2].eax, 3); /* six cores need three bits */
	CHECK_EQ(entries[2].ebx, 6);
	CHECK_EQ(entries[2].ecx, 0x201);
	CHECK_EQ(entries[3].ebx, 0);
	CHECK_EQ(entries[3].ecx, 2);
	CHECK_EQ(entries[4].ecx & 0xff, 5);
	CHECK_EQ(entries[4].ecx >> 12 & 0xf, 3);
	CHECK_EQ(entries[5].eax, 5);
}

TEST(one_vcpu_is_alone)
{
	struct kvm_cpuid_entry2 entries[] = { LEAF(1, 0), LEAF(0xb, 1) };

	cpuid_place(entries, countof(entries), 0, 1);
	CHECK(!bit(entries[0].edx, 28));
	CHECK_EQ(entries[1].eax, 0);
	CHECK_EQ(entries[1].ebx, 1);
}

TEST(caches_are_shared_as_the_cores_stand)
{
	/* type data 1, level 1; type unified 3, level 3; the end */
	struct kvm_cpuid_entry2 entries[] = {
		{ .function = 4, .index = 0, .eax = 0xffffc000 | 1 << 5 | 1 },
		{ .function = 4, .index = 3, .eax = 3 << 5 | 3 },
		{ .function = 4, .index = 4, .eax = 0 },
	};

	cpuid_place(entries, countof(entries), 0, 4);
	CHECK_EQ(entries[0].eax >> 14 & 0xfff, 0);
	CHECK_EQ(entries[0].eax >> 26, 3);
	CHECK_EQ(entries[1].eax >> 14 & 0xfff, 3);
	CHECK_EQ(entries[2].eax, 0);
}

TEST_MAIN()
