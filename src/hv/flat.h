/*
 * The tables behind struct hv_entry on x86-64: a GDT with flat 64-bit code at
 * selector 0x10 and data at 0x18 (what Linux's boot protocol names), and page
 * tables that map the first 4 GiB onto themselves in pages of 2 MiB. They take
 * HV_FLAT_SIZE bytes of guest memory that the guest leaves alone until it has
 * its own.
 */
#ifndef HV_FLAT_H
#define HV_FLAT_H

#include <stdint.h>

enum {
	HV_FLAT_SIZE = 7 * 4096,
	HV_FLAT_CODE = 0x10, /* selectors */
	HV_FLAT_DATA = 0x18,
	HV_FLAT_GDT_BYTES = 4 * 8,
};

struct hv_entry;

/*
 * Writes the tables to HV_FLAT_SIZE bytes at host, which the guest sees at gpa
 * (page-aligned), and sets entry's page_table and gdt.
 */
void hv_flat_write(void *host, uint64_t gpa, struct hv_entry *entry);

#endif
