/*
 * Bytes between two channels, both ways, not looked into. Each direction holds
 * at most what was read at once and the other end did not take yet; while
 * nothing is under way it holds nothing. The end of one direction goes on to the
 * other side and leaves the other direction open.
 */
#ifndef SBX_PROXY_TUNNEL_H
#define SBX_PROXY_TUNNEL_H

#include <stdbool.h>

#include "base/buf.h"

struct channel;

struct tunnel_half {
	struct channel *from, *to; /* weak */
	struct buf held;
	bool is_over; /* the end was passed on */
};

struct tunnel {
	struct tunnel_half up, down; /* to the origin, to the guest */
	uint8_t *scratch;	     /* weak */
	size_t scratch_size;
	uint64_t bytes; /* moved, both ways */
};

/* scratch: memory that is free during a call. */
void tunnel_init(struct tunnel *tunnel, struct channel *guest, struct channel *origin,
		 void *scratch, size_t scratch_size);
void tunnel_finish(struct tunnel *tunnel);

/* Moves what can be moved and waits for more. 1: goes on, 0: both ends are over, -errno. */
int tunnel_move(struct tunnel *tunnel);

#endif
