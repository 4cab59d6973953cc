/*
 * What the guest sent and the host has not taken yet: a ring of BACKLOG_SIZE
 * bytes, the buffer that we advertise to the guest as its credit. Its memory
 * exists only while it holds something.
 */
#ifndef VSOCK_BACKLOG_H
#define VSOCK_BACKLOG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct iov;

enum { BACKLOG_SIZE = 256 * 1024 };

struct backlog {
	uint8_t *data; /* owned; NULL when empty */
	size_t start;  /* of the oldest byte */
	size_t len;
};

void backlog_finish(struct backlog *backlog);

/* Takes len bytes off iov (it has them); -ENOBUFS when they do not fit, -ENOMEM. */
int backlog_put(struct backlog *backlog, struct iov *iov, size_t len);

/* The content, oldest first, as up to two pieces; returns how many. */
int backlog_pieces(const struct backlog *backlog, struct iovec ret[2]);

/* Forgets the oldest len bytes (len <= backlog->len). */
void backlog_drop(struct backlog *backlog, size_t len);

#endif
