/*
 * The kernel command line: words added one after the other, up to what Linux
 * on x86 takes. A word is added whole or the line says so.
 */
#ifndef BOOT_CMDLINE_H
#define BOOT_CMDLINE_H

#include <stddef.h>

struct err;

enum { CMDLINE_MAX = 2048 }; /* bytes with the NUL: COMMAND_LINE_SIZE of Linux on x86 */

struct cmdline {
	char text[CMDLINE_MAX];
	size_t len; /* without the NUL */
};

void cmdline_init(struct cmdline *line);

/* Adds a word (or several) after a blank. -E2BIG, -EINVAL for control characters; a sentence. */
__attribute__((format(printf, 3, 4))) int cmdline_add(struct cmdline *line, struct err *err,
						      const char *format, ...);

#endif
