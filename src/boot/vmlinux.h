/*
 * An uncompressed Linux kernel (vmlinux): which parts of the file go where in
 * guest memory, and where to begin.
 *
 * The parser sees only the first bytes of the file. What it returns has been
 * checked: every part lies within the file and within guest memory from
 * LAYOUT_HIGH on, parts do not overlap, the entry lies in one of them.
 */
#ifndef BOOT_VMLINUX_H
#define BOOT_VMLINUX_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum { VMLINUX_SEGMENTS_MAX = 16, VMLINUX_HEAD_MAX = 4096 };

struct vmlinux_segment {
	uint64_t file_offset, file_size; /* bytes to copy */
	uint64_t gpa, size;		 /* where to, and how much memory it takes; rest is zero */
};

struct vmlinux {
	struct vmlinux_segment segment[VMLINUX_SEGMENTS_MAX];
	size_t count;
	uint64_t entry; /* guest-physical, 64-bit mode */
	uint64_t end;	/* first address behind all of it */
};

/*
 * Parses len (at most VMLINUX_HEAD_MAX) bytes from the start of a file of
 * file_size bytes, for a guest with memory in [LAYOUT_HIGH, ram_end).
 * -ENOEXEC with a sentence that says what is wrong.
 */
int vmlinux_parse(const uint8_t *head, size_t len, uint64_t file_size, uint64_t ram_end,
		  struct vmlinux *ret, struct err *err);

#endif
