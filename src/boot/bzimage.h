/*
 * A compressed Linux kernel (bzImage), entered in 64-bit mode behind its
 * real-mode part (Linux Documentation/arch/x86/boot.rst, "64-bit BOOT
 * PROTOCOL"). The parser sees only the first bytes of the file; what it returns
 * lies within the file and within guest memory from LAYOUT_HIGH on.
 */
#ifndef BOOT_BZIMAGE_H
#define BOOT_BZIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
	BZIMAGE_HEAD_MAX = 4096,
	BZIMAGE_HEADER = 0x1f1,	    /* where the setup header stands, in file and boot_params */
	BZIMAGE_HEADER_MAX = 0x290, /* where boot_params goes on after it */
};

struct bzimage {
	uint64_t file_offset, file_size; /* the protected-mode part */
	uint64_t gpa;			 /* where it goes */
	uint64_t size;			 /* memory it needs from there on to unpack itself */
	uint64_t entry;			 /* guest-physical, 64-bit mode */
	size_t header_size;		 /* bytes of the setup header from BZIMAGE_HEADER on */
};

/* Whether the bytes carry the magic of a bzImage at all. */
bool bzimage_is(const uint8_t *head, size_t len);

/* As vmlinux_parse(). */
int bzimage_parse(const uint8_t *head, size_t len, uint64_t file_size, uint64_t ram_end,
		  struct bzimage *ret, struct err *err);

#endif
