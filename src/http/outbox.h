/*
 * Bytes on their way out: appended at one end, taken from the other, bounded.
 * The memory goes back when it is empty, wiped when a secret was among them.
 */
#ifndef HTTP_OUTBOX_H
#define HTTP_OUTBOX_H

#include <stdbool.h>

#include "base/buf.h"

struct outbox {
	struct buf bytes;
	size_t start; /* taken so far */
	bool has_secret;
};

/* max: bytes that may wait in it at once; the owner sees to it. */
void outbox_init(struct outbox *outbox, size_t max);
void outbox_finish(struct outbox *outbox);

static inline size_t outbox_len(const struct outbox *outbox)
{
	return outbox->bytes.len - outbox->start;
}

/* Where to append; room for what was appended to it is not checked again. */
static inline struct buf *outbox_bytes(struct outbox *outbox)
{
	return &outbox->bytes;
}

/* Bytes copied to `to`. */
size_t outbox_take(struct outbox *outbox, uint8_t *to, size_t room);

#endif
