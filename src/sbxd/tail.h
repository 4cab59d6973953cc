/*
 * The last bytes of an endless stream: what the guest's console or a program
 * of ours printed. Memory is bounded by its size; the bytes are never looked at.
 */
#ifndef SBXD_TAIL_H
#define SBXD_TAIL_H

#include <stddef.h>

enum { TAIL_SIZE = 65536 };

struct tail {
	char *bytes;  /* owned, TAIL_SIZE of them once something came */
	size_t total; /* bytes that ever came */
};

/* Takes bytes; forgets the oldest. Drops them when memory is out. */
void tail_append(struct tail *tail, const char *bytes, size_t len);

/* The last `max` bytes at most, NUL-terminated, in fresh memory; NULL when memory is out. */
char *tail_copy(const struct tail *tail, size_t max, size_t *ret_len);

/* The last line that is not empty, printable characters only, cut to size. */
void tail_last_line(const struct tail *tail, char *ret, size_t size);

void tail_clear(struct tail *tail);

#endif
