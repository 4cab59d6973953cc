/*
 * What a host's KVM offers is taken as it comes: the filter only ever removes,
 * and no vCPU's place brings back what was removed.
 */
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include "hv/kvm/cpuid.h"
#include "tests/fuzz/fuzz.h"

enum { ENTRIES_MAX = 256, CPUS_MAX = 64 };

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kvm_cpuid_entry2 entries[ENTRIES_MAX];
	size_t count, kept;
	uint32_t cpus;

	if (size < 1)
		return 0;
	cpus = data[0] % CPUS_MAX + 1;
	count = (size - 1) / sizeof(entries[0]);
	if (count > ENTRIES_MAX)
		count = ENTRIES_MAX;
	memcpy(entries, data + 1, count * sizeof(entries[0]));
	kept = cpuid_filter(entries, count);
	REQUIRE(kept <= count);
	cpuid_place(entries, kept, cpus - 1, cpus);
	for (size_t i = 0; i < kept; i++) {
		REQUIRE(entries[i].function != 1 || (entries[i].ecx & 1 << 5) == 0);
		REQUIRE(entries[i].function != 0x80000001 || (entries[i].ecx & 1 << 2) == 0);
		REQUIRE(entries[i].function != 0xa && entries[i].function != 0x8000000a);
	}
	REQUIRE(cpuid_filter(entries, kept) == kept);
	return 0;
}
