/*
 * A guest's first instruction (x86-64): 64-bit mode, paging on, interrupts off,
 * flat segments, all other registers zero. This is what both the Linux 64-bit
 * boot protocol (Documentation/arch/x86/boot.rst) and a payload of a few bytes
 * want. Another architecture has its own members under the same name.
 */
#ifndef HV_ENTRY_H
#define HV_ENTRY_H

#include <stdint.h>

struct hv_entry {
	uint64_t pc;	     /* RIP */
	uint64_t argument;   /* RSI: Linux's boot_params */
	uint64_t stack;	     /* RSP */
	uint64_t page_table; /* CR3, as hv_flat_write() made it */
	uint64_t gdt;	     /* GDT, as hv_flat_write() made it */
};

#endif
