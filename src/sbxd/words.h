/*
 * What the programs of a sandbox and its guest printed, boiled down to the one line that
 * tells why it ended. Ours print JSON lines (app/log.h), QEMU plain text.
 */
#ifndef SBXD_WORDS_H
#define SBXD_WORDS_H

#include <stddef.h>

/*
 * The gravest line of text as "program: message", printable characters only, cut to size; "" when
 * there is none. Among equals it is one of the program that is to blame (its name; what is no JSON
 * is QEMU's), and then the last. text is modified.
 */
void words_pick(char *text, const char *blamed, char *ret, size_t size);

/*
 * Of what a guest's console showed, the line that tells why the guest ended: a panic of the kernel,
 * else what pid 1 failed at, else a fault of the kernel; without the time in front, printable
 * characters only, cut to size. "" when there is none, as mostly: what a guest happened to print
 * last tells nothing. text is modified.
 */
void words_pick_console(char *text, char *ret, size_t size);

/* Makes text fit for JSON: unless it is UTF-8, all but printable ASCII becomes '?'. */
void words_tidy(char *text);

#endif
