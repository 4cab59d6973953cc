#include "hv/flat.h"

#include <string.h>

#include "base/bytes.h"
#include "hv/entry.h"

/* AMD64 manual volume 2, §5.3 (page translation) and §4.8 (segment descriptors). */
enum {
	PAGE = 4096,
	ENTRIES = 512,
	DIRECTORIES = 4,   /* of 1 GiB each */
	TABLE_BITS = 0x3,  /* present, writable */
	LARGE_BITS = 0x83, /* and 2 MiB */
	LARGE_SHIFT = 21,
};

static const uint64_t gdt[HV_FLAT_GDT_BYTES / 8] = {
	[HV_FLAT_CODE / 8] = 0x00af9b000000ffff,
	[HV_FLAT_DATA / 8] = 0x00cf93000000ffff,
};

/* Page 0: the GDT; 1: the top level; 2: the next; 3 to 6: directories. */
void hv_flat_write(void *host, uint64_t gpa, struct hv_entry *entry)
{
	uint8_t *base = host;
	uint8_t *top = base + PAGE, *middle = base + 2 * PAGE, *directory = base + 3 * PAGE;

	memset(base, 0, HV_FLAT_SIZE);
	for (size_t i = 0; i < HV_FLAT_GDT_BYTES / 8; i++)
		le64_store(base + 8 * i, gdt[i]);
	le64_store(top, (gpa + 2 * PAGE) | TABLE_BITS);
	for (uint64_t i = 0; i < DIRECTORIES; i++)
		le64_store(middle + 8 * i, (gpa + (3 + i) * PAGE) | TABLE_BITS);
	for (uint64_t i = 0; i < DIRECTORIES * ENTRIES; i++)
		le64_store(directory + 8 * i, i << LARGE_SHIFT | LARGE_BITS);
	entry->gdt = gpa;
	entry->page_table = gpa + PAGE;
}
