/*
 * Bytes that grow up to a stated maximum.
 *
 * `data` holds `len` bytes and is owned by the buffer; the content moves when
 * it grows. A buffer never exceeds `max`: what a stranger sends cannot grow
 * our memory without limit. An appended byte is never lost quietly; the call
 * fails whole.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data; /* owned */
	size_t len;    /* bytes in use */
	size_t cap;    /* bytes allocated */
	size_t max;    /* bytes it may ever hold */
};

void buf_init(struct buf *buf, size_t max);
void buf_finish(struct buf *buf);

/* Forgets the content, keeps the memory. */
void buf_clear(struct buf *buf);

/* Adds len bytes; -ENOBUFS when max would be passed, -ENOMEM. */
int buf_append(struct buf *buf, const void *bytes, size_t len);

/* Adds text in the manner of printf, without the NUL. */
__attribute__((format(printf, 2, 3))) int buf_printf(struct buf *buf, const char *format, ...);

/*
 * Makes room for len more bytes and returns where they go, or NULL. The
 * caller fills them and adds to buf->len what it really wrote.
 */
void *buf_reserve(struct buf *buf, size_t len);

/* Drops the first len bytes (len <= buf->len). */
void buf_consume(struct buf *buf, size_t len);

/* The content as a string; NULL when a NUL cannot be added. */
const char *buf_str(struct buf *buf);

#endif
