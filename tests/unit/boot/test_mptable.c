#include "base/bytes.h"
#include "boot/layout.h"
#include "boot/mptable.h"
#include "tests/unit/test.h"

static uint8_t table[MPTABLE_SIZE_MAX + 1];

static uint8_t sum(const uint8_t *bytes, size_t len)
{
	uint8_t total = 0;

	for (size_t i = 0; i < len; i++)
		total = (uint8_t)(total + bytes[i]);
	return total;
}

/* How many entries of a type stand in the table, by walking it as a kernel does. */
static unsigned count_entries(uint8_t type)
{
	const uint8_t *header = table + 16;
	size_t at = 44;
	unsigned found = 0;

	for (unsigned i = 0; i < le16_load(header + 34); i++) {
		found += header[at] == type;
		at += header[at] == 0 ? 20 : 8;
	}
	return at == le16_load(header + 4) ? found : 0;
}

TEST(sums_are_zero_and_the_pointer_points)
{
	CHECK(mptable_write(table, 4) <= MPTABLE_SIZE_MAX);
	CHECK_MEM(table, "_MP_", 4);
	CHECK_EQ(le32_load(table + 4), LAYOUT_MPTABLE + 16);
	CHECK_EQ(sum(table, 16), 0);
	CHECK_MEM(table + 16, "PCMP", 4);
	CHECK_EQ(sum(table + 16, le16_load(table + 16 + 4)), 0);
}

TEST(every_processor_and_line_is_there)
{
	for (unsigned cpus = 1; cpus <= LAYOUT_CPUS_MAX; cpus++) {
		table[MPTABLE_SIZE_MAX] = 0xee;
		CHECK(mptable_write(table, cpus) <= MPTABLE_SIZE_MAX);
		CHECK_EQ(table[MPTABLE_SIZE_MAX], 0xee);
		CHECK_EQ(count_entries(0), cpus);
		CHECK_EQ(count_entries(1), 1);
		CHECK_EQ(count_entries(2), 1);
		CHECK_EQ(count_entries(3), LAYOUT_IRQ_LINES);
		CHECK_EQ(count_entries(4), 2);
	}
}

TEST(only_the_first_processor_boots)
{
	(void)mptable_write(table, 2);
	CHECK_EQ(table[16 + 44 + 3], 3);
	CHECK_EQ(table[16 + 44 + 20 + 1], 1);
	CHECK_EQ(table[16 + 44 + 20 + 3], 1);
}

TEST_MAIN()
