/*
 * One end of a vhost-user socket: whole messages with their descriptors, read
 * without blocking. Both ends of the protocol use it.
 */
#ifndef VHOST_CHANNEL_H
#define VHOST_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "vhost/message.h"

struct vhost_channel {
	int socket;			  /* owned, non-blocking; -1: closed */
	uint8_t bytes[VHOST_MESSAGE_MAX]; /* header, payload */
	size_t have;			  /* bytes of the message so far */
	int fds[VHOST_MEMORY_MAX];	  /* owned until taken */
	size_t fds_count;
	struct vhost_header header; /* valid once VHOST_HEADER_SIZE bytes are here */
};

/* Makes the socket non-blocking; on success the channel owns it. */
int vhost_channel_init(struct vhost_channel *channel, int socket);
void vhost_channel_finish(struct vhost_channel *channel);

/*
 * 1: a message is whole: header, bytes after VHOST_HEADER_SIZE, fds. It stays
 * until vhost_channel_next(). 0: more must come. -EPIPE: the peer closed the
 * socket, -EPROTO, -EMSGSIZE: not a message, or -errno.
 */
int vhost_channel_receive(struct vhost_channel *channel);

/* The first descriptor that came with the message, now the caller's; -1: there was none. */
int vhost_channel_take_fd(struct vhost_channel *channel);

/* Forgets the message and closes descriptors that nobody took. */
void vhost_channel_next(struct vhost_channel *channel);

/* Sends a message; -EAGAIN when the peer does not read what was sent before. */
int vhost_channel_send(struct vhost_channel *channel, const struct vhost_message *message,
		       enum vhost_payload kind, const int *fds, size_t count);

#endif
