/*
 * Frames over a connected stream socket (Unix or vsock), for whoever has one
 * peer to talk to. Reading and writing never block by themselves: the socket
 * may be blocking or not, every call is made with MSG_DONTWAIT, and waiting
 * is poll() with a deadline, or the caller's event loop.
 *
 * Both directions are bounded: the input holds one frame at most twice over,
 * the output STREAM_OUT_MAX bytes. A stopped peer therefore costs a deadline
 * or an -ENOBUFS, never memory.
 */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/frame.h"

enum { STREAM_OUT_MAX = 1 << 20 };

/* A deadline that never comes. */
#define STREAM_NEVER UINT64_MAX

struct stream {
	int fd;		/* weak */
	struct buf in;	/* received; frames start at `taken` */
	size_t taken;	/* bytes of in that were handed out as frames */
	struct buf out; /* not sent yet; callers may append frames to it */
	size_t sent;	/* bytes of out that are gone already */
};

/* Memory only; the socket stays the caller's. */
void stream_init(struct stream *stream, int fd);
void stream_finish(struct stream *stream);

/* The next frame already received: 1, 0 when more bytes are needed, -EPROTO. Valid until
 * stream_fill(). */
int stream_next(struct stream *stream, struct frame *ret);

/* Receives what is there: 1, 0 when the peer has finished, -EAGAIN, -errno. */
int stream_fill(struct stream *stream);

/* Sends what it can of `out`: 0 when all is gone, -EAGAIN, -EPIPE and the like. */
int stream_flush(struct stream *stream);

/* Bytes that stream_flush() has still to send. */
size_t stream_unsent(const struct stream *stream);

/*
 * Waits for the next frame: 1, 0 when the peer finished between frames,
 * -EPROTO when inside one, -ETIMEDOUT, -errno. Sends nothing. deadline_ms: clock_now_ms().
 */
int stream_read(struct stream *stream, uint64_t deadline_ms, struct frame *ret);

/* Sends all of `out`; -ETIMEDOUT, -errno. */
int stream_write(struct stream *stream, uint64_t deadline_ms);

#endif
