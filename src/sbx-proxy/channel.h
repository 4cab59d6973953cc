/*
 * A connected socket as bytes, in plain or under TLS: what the guest or an
 * origin is to the rest of this program. Never blocks. Bytes that were read
 * to find out what they are can be put back in front.
 *
 * A channel that waits for nothing is off the loop, so that a peer that hangs
 * up cannot make the loop spin.
 */
#ifndef SBX_PROXY_CHANNEL_H
#define SBX_PROXY_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/loop.h"

struct leaves;
struct tls_end;
struct trust;

struct channel {
	int fd;		   /* owned; -1: not open */
	struct loop *loop; /* weak */
	struct loop_watch watch;
	uint32_t events;     /* the watch's */
	struct tls_end *tls; /* owned; NULL: plain */
	struct buf before;   /* to be read before what the socket has */
	size_t taken;	     /* of before */
	void (*ready)(struct channel *channel);
};

/* ready: something that was waited for may be possible. Not open yet: channel_open(). */
void channel_init(struct channel *channel, struct loop *loop,
		  void (*ready)(struct channel *channel));
void channel_finish(struct channel *channel);
bool channel_is_open(const struct channel *channel);

/* Owns fd, which does not block. */
void channel_open(struct channel *channel, int fd);

/* These bytes come first; only while none are waiting to be read. -ENOMEM, -ENOBUFS. */
int channel_put_back(struct channel *channel, const uint8_t *bytes, size_t len);

/* From now on the other end is a TLS client, or server; alpn as in tls/endpoint.h. */
int channel_accept_tls(struct channel *channel, struct leaves *leaves, const char *name,
		       unsigned alpn);
int channel_connect_tls(struct channel *channel, struct trust *trust, const char *name,
			unsigned alpn);

/* 1 done (or plain), 0 wait, -EPROTO. */
int channel_handshake(struct channel *channel);

/* Bytes, 0 at the end, -EAGAIN, -errno. */
ssize_t channel_read(struct channel *channel, void *to, size_t room);
/* Bytes, -EAGAIN, -errno. After -EAGAIN the same bytes come first again. */
ssize_t channel_write(struct channel *channel, const void *from, size_t len);

/* No more bytes of ours: the other end reads their end. */
void channel_end_write(struct channel *channel);

/* What to wait for: bytes to read, room to write. Neither: nothing. */
void channel_wait(struct channel *channel, bool to_read, bool to_write);

/* Why TLS failed; NULL: it did not. */
const char *channel_failure(const struct channel *channel);

#endif
