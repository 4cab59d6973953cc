/*
 * The guest's address map on x86-64.
 *
 *	0x0000_1000  first page tables and GDT (hv_flat_write), until Linux has its own
 *	0x0000_8000  boot_params
 *	0x0000_9000  first stack, one page
 *	0x0002_0000  kernel command line
 *	0x000f_0000  MP tables, where Linux looks for them
 *	0x0010_0000  kernel, initramfs, free memory up to at most 3 GiB
 *	0xd000_0000  virtio-mmio devices, one page each
 *	0xfec0_0000  IOAPIC, APICs, the hypervisor's own pages
 *	0x1_0000_0000 the rest of memory
 */
#ifndef BOOT_LAYOUT_H
#define BOOT_LAYOUT_H

#include <stdint.h>

#define LAYOUT_FLAT 0x1000ull
#define LAYOUT_BOOT_PARAMS 0x8000ull
#define LAYOUT_STACK_TOP 0xa000ull
#define LAYOUT_CMDLINE 0x20000ull
#define LAYOUT_LOW_END 0x9f000ull /* what the guest may use of the first 640 KiB */
#define LAYOUT_MPTABLE 0xf0000ull
#define LAYOUT_MPTABLE_SIZE 0x10000ull
#define LAYOUT_HIGH 0x100000ull
#define LAYOUT_KERNEL 0x1000000ull /* where Linux is linked to be */
#define LAYOUT_RAM_HOLE 0xc0000000ull
#define LAYOUT_MMIO 0xd0000000ull
#define LAYOUT_IOAPIC 0xfec00000ull
#define LAYOUT_LAPIC 0xfee00000ull
#define LAYOUT_RAM_ABOVE 0x100000000ull

enum {
	LAYOUT_MMIO_STRIDE = 0x1000, /* bytes a device takes */
	LAYOUT_IRQ_FIRST = 5,	     /* lines below belong to what a PC has there */
	LAYOUT_IRQ_LINES = 24,	     /* of the IOAPIC */
	LAYOUT_DEVICES_MAX = LAYOUT_IRQ_LINES - LAYOUT_IRQ_FIRST,
	LAYOUT_CPUS_MAX = 64,
};

#endif
