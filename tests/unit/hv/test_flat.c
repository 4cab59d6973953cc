#include "base/bytes.h"
#include "hv/entry.h"
#include "hv/flat.h"
#include "tests/unit/test.h"

enum { AT = 0x1000 };

static uint8_t memory[AT + HV_FLAT_SIZE];

/* Walks the tables as the processor does, all the way down to a page of 2 MiB. */
static uint64_t translate(uint64_t table, uint64_t address)
{
	for (int shift = 39; shift >= 21; shift -= 9) {
		uint64_t entry = le64_load(memory + table + 8 * (address >> shift & 0x1ff));

		if ((entry & 1) == 0)
			return UINT64_MAX;
		table = entry & 0xffffffffff000;
		if (shift == 21 && (entry & 0x80) != 0)
			return table + (address & 0x1fffff);
	}
	return UINT64_MAX;
}

TEST(four_gib_are_mapped_onto_themselves)
{
	static const uint64_t inside[] = { 0,	       0x1234,	   0x1fffff,
					   0x200000,   0x3fffffff, 0x40000000,
					   0xd0000050, 0xfee000b0, 0xffffffff };
	struct hv_entry entry = { 0 };

	hv_flat_write(memory + AT, AT, &entry);
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		CHECK_EQ(translate(entry.page_table, inside[i]), inside[i]);
	CHECK_EQ(translate(entry.page_table, 0x100000000), UINT64_MAX);
	CHECK_EQ(translate(entry.page_table, 0x8000000000), UINT64_MAX);
}

TEST(segments_stand_where_linux_wants_them)
{
	struct hv_entry entry = { 0 };
	uint64_t code, data;

	hv_flat_write(memory + AT, AT, &entry);
	code = le64_load(memory + entry.gdt + HV_FLAT_CODE);
	data = le64_load(memory + entry.gdt + HV_FLAT_DATA);
	CHECK_EQ(le64_load(memory + entry.gdt), 0);
	CHECK_EQ(code >> 40 & 0x9f, 0x9b); /* present, ring 0, code */
	CHECK_EQ(code >> 53 & 1, 1);	   /* 64-bit */
	CHECK_EQ(data >> 40 & 0x9f, 0x93);
}

TEST_MAIN()
