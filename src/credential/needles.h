/*
 * Byte strings sought in a stream, whatever pieces it comes in. The strings
 * are secrets or stand for secrets, so they and the index over them lie in
 * locked memory.
 *
 * A piece is looked at byte by byte through a filter of the strings' first two
 * bytes; only what passes it is compared. Bytes are let go as soon as nothing
 * sought can begin with them: what is held back is the longest tail that is
 * the beginning of one, so a stream of events is not delayed by a fixed window.
 */
#ifndef CREDENTIAL_NEEDLES_H
#define CREDENTIAL_NEEDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct needles;

/* Owners are small numbers of the caller's choice, below NEEDLE_OWNERS. */
enum { NEEDLE_OWNERS = 1024, NEEDLE_LEN_MIN = 2, NEEDLES_MAX = 32768 };

int needles_create(struct needles **ret);
void needles_destroy(struct needles *needles); /* wipes */

/* Copies; the same string of the same owner twice is one. -EINVAL, -E2BIG, -ENOMEM. */
int needles_add(struct needles *needles, const void *bytes, size_t len, uint32_t owner);

/* Builds the index; nothing can be added after it, nothing found before. */
int needles_seal(struct needles *needles);

/* A set of owners that are not looked for. */
struct needle_ignore {
	uint64_t words[NEEDLE_OWNERS / 64];
};
void needle_ignore_add(struct needle_ignore *ignore, uint32_t owner);

/* Whether one of them stands in the bytes. ignore NULL: all are sought. */
bool needles_find(const struct needles *needles, const struct needle_ignore *ignore,
		  const uint8_t *bytes, size_t len, uint32_t *ret_owner);

enum needle_action {
	NEEDLE_MASK,   /* goes on as so many '*' */
	NEEDLE_REFUSE, /* -EACCES at the first */
};

/* A search through one stream. */
struct needle_search {
	const struct needles *needles; /* weak */
	struct needle_ignore ignore;
	enum needle_action action;
	struct buf held; /* may be the beginning of something sought */
	size_t masked;	 /* bytes from here on that are '*' */
	unsigned found;	 /* runs that were masked, or 1 when refused */
	uint32_t owner;	 /* of the last found */
};

void needle_search_init(struct needle_search *search, const struct needles *needles,
			enum needle_action action);
void needle_search_finish(struct needle_search *search); /* wipes */

/* Appends what may go on to `out`. -EACCES, or an error of buf_append(); then all is over. */
int needle_search_feed(struct needle_search *search, const uint8_t *bytes, size_t len, bool end,
		       struct buf *out);

#endif
