/*
 * One connection between a Unix socket of the host and a port of the guest.
 * The device (device.c) turns packets into these calls and sends what is owed.
 */
#ifndef VSOCK_CONNECTION_H
#define VSOCK_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/list.h"
#include "base/loop.h"
#include "vsock/backlog.h"
#include "vsock/packet.h"

struct iov;
struct vsock_device;

/*
 * FREE	the slot is unused; port keeps its generation.
 * ASKING	REQUEST is owed or sent, the socket is untouched. RESPONSE opens it;
 *		RST, the timeout, the host's closing lead to LEFT.
 * OPEN	bytes flow, each direction until its end. RST of either side or both
 *		directions ended by the guest lead to LEFT.
 * LEFT	the guest knows it no more: packets for it are unknown. What was sent
 *		before still goes to the host, an owed RST to the guest; then FREE.
 */
enum connection_state { CONNECTION_FREE, CONNECTION_ASKING, CONNECTION_OPEN, CONNECTION_LEFT };

/* Packets that the guest is still to get, in this order. */
enum connection_owed {
	OWED_REQUEST = 1 << 0,
	OWED_CREDIT_UPDATE = 1 << 1,
	OWED_CREDIT_REQUEST = 1 << 2,
	OWED_SHUTDOWN = 1 << 3, /* with the flags in `told` */
	OWED_RST = 1 << 4,
};

struct connection {
	struct vsock_device *device; /* weak */
	enum connection_state state;
	int fd; /* owned; -1 once the host's side is done */
	int tag;
	uint32_t host_port, guest_port;
	struct loop_watch watch;
	uint32_t watched;	 /* events that the watch waits for */
	struct loop_timer timer; /* ASKING: the guest's time to answer */

	unsigned owed;		/* enum connection_owed */
	struct list owed_node;	/* in the device's list while owed != 0, or of the free */
	struct list ready_node; /* in the device's list while its socket may have bytes */
	unsigned told, heard;	/* enum vsock_shutdown: ended by us, by the guest */
	bool host_gone;		/* the host's end is closed; unread bytes may be left */
	bool starved;		/* the guest gave no credit for what may wait in the socket */

	/* Counters modulo 2^32, as in the packets. */
	uint32_t sent, peer_forwarded, peer_buffer; /* to the guest */
	uint32_t received, forwarded, acknowledged; /* from the guest; acknowledged: it knows */
	struct backlog backlog;
};

/* Bytes that the guest has room for. */
uint32_t connection_credit(const struct connection *connection);

/*
 * Believes the guest's credit as far as it can be true: a count that is ahead of
 * what was sent, or behind what it said before, is ignored.
 */
void connection_note_credit(struct connection *connection, const struct vsock_packet *packet);

/*
 * Takes len bytes of payload to the host or into the backlog. -EPIPE: the host
 * reads no more, they are dropped. -ENOBUFS: beyond its credit. -ENOMEM.
 */
int connection_take(struct connection *connection, struct iov *payload, uint32_t len);

/* Writes the backlog as far as the host takes it; 0, or -EPIPE as above (the backlog is dropped).
 */
int connection_flush(struct connection *connection);

/* The guest ended directions (enum vsock_shutdown): tells the host once all before it was written.
 */
void connection_pass_shutdown(struct connection *connection);

/* Reads into count buffers; bytes read, 0 at the end, -EAGAIN, or -errno: the host is gone. */
ssize_t connection_read(const struct connection *connection, struct iovec *vec, size_t count);

/* A credit update is due: the guest knows of much less room than there is. */
bool connection_is_update_due(const struct connection *connection);

#endif
