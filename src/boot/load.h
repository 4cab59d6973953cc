/*
 * Put Linux into guest memory, ready for its first instruction: kernel,
 * initramfs, command line, boot_params with the memory map, MP tables.
 *
 * The kernel is an uncompressed ELF file or a bzImage; it comes from the user
 * and is checked like anything from outside. Guest memory is new: no vCPU runs.
 */
#ifndef BOOT_LOAD_H
#define BOOT_LOAD_H

struct err;
struct guestmem;
struct hv_entry;

struct boot_config {
	int kernel;	     /* open file, stays the caller's */
	int initramfs;	     /* the same; -1: none */
	const char *cmdline; /* as cmdline.h made it */
	unsigned cpus;	     /* 1 .. LAYOUT_CPUS_MAX */
};

/* Memory: region 0 starts at 0 and has at least 16 MiB (layout.h); the others are RAM too. */
int boot_load(const struct boot_config *config, const struct guestmem *mem, struct hv_entry *ret,
	      struct err *err);

#endif
