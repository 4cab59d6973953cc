/*
 * What the programs of a sandbox printed, boiled down to the one line that
 * tells why it ended. Ours print JSON lines (app/log.h), QEMU plain text.
 */
#ifndef SBXD_WORDS_H
#define SBXD_WORDS_H

#include <stddef.h>

/*
 * The gravest line of text, the last among equals, as "program: message",
 * printable characters only, cut to size; "" when there is none. text is modified.
 */
void words_pick(char *text, char *ret, size_t size);

#endif
