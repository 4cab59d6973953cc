/*
 * The tables of the Intel MultiProcessor Specification 1.4: how a kernel
 * without ACPI learns of its processors and of the lines of the IOAPIC. Line n
 * is ISA interrupt n, edge-triggered.
 */
#ifndef BOOT_MPTABLE_H
#define BOOT_MPTABLE_H

#include <stddef.h>

enum { MPTABLE_SIZE_MAX = 2048 };

/*
 * Writes the tables for cpus (1 .. LAYOUT_CPUS_MAX) processors to
 * MPTABLE_SIZE_MAX bytes at host, which the guest sees at LAYOUT_MPTABLE.
 * Returns the bytes used.
 */
size_t mptable_write(void *host, unsigned cpus);

#endif
