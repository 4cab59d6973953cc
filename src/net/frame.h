/*
 * A frame on its way to the guest, built in the guest's own receive buffers:
 * opened with room, filled front to back, closed with its length.
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/iov.h"
#include "net/packet.h"

struct net_offload;
struct net_stack;

enum {
	FRAME_PARTS_MAX = 128,
	FRAME_HEADERS_MAX = ETHERNET_HEADER + IPV6_HEADER,
};

struct frame {
	struct net_stack *stack; /* weak */
	struct iovec parts[FRAME_PARTS_MAX];
	struct iov room; /* not yet filled */
};

/* Room for at most len bytes; -ENOBUFS: there is not even room for `least`. */
int frame_open(struct net_stack *stack, size_t least, size_t len, struct frame *ret);

/* The frame has room for them. */
void frame_put(struct frame *frame, const void *bytes, size_t len);

/* Gives the first len bytes to the guest; len 0: nothing. */
void frame_close(struct frame *frame, size_t len, const struct net_offload *offload);

/*
 * The headers of a packet from `from` to `to` that carries len bytes: their length,
 * with Ethernet's.
 */
size_t frame_headers(const struct net_stack *stack, uint8_t to[FRAME_HEADERS_MAX],
		     const struct address *source, const struct address *destination,
		     uint8_t protocol, size_t len);

/*
 * A whole packet: headers, then `first` and `second`; dropped without room. The
 * transport checksum, which may cover both, is already in place.
 */
void frame_send_packet(struct net_stack *stack, const struct address *source,
		       const struct address *destination, uint8_t protocol,
		       const struct iovec parts[2]);

#endif
