/*
 * The supervisor and sbx-vsock: what is said over its Unix socket.
 *
 * sbx-vsock accepts connections on a listening socket made by sbxd in the
 * sandbox's private run folder. The first VSOCK_ASK_SIZE bytes of each
 * connection say what it is:
 *
 *	offset 0  le32 VSOCK_ASK_MAGIC
 *	       4  le16 enum vsock_ask
 *	       6  le16 flags (enum vsock_flags)
 *	       8  le32 guest port (CONNECT), else zero
 *	      12  le32 zero
 *
 * VSOCK_CONNECT: answered by one byte, 0 when the guest accepted, else an
 * errno (111 refused, 110 not answered in time); after 0 the connection is the
 * stream to that guest port, half-closes included.
 *
 * VSOCK_EVENTS: sbx-vsock sends 8-byte events, le32 enum vsock_event and le32
 * value: at once the state so far (READY if the guest knocked before, SESSIONS
 * with the count now), then each change. For a listener that does not read,
 * changes fall together: when it reads again it gets the state of then. It sends
 * nothing; sixteen may listen.
 */
#ifndef WIRE_VSOCK_H
#define WIRE_VSOCK_H

#include <stdint.h>

enum { VSOCK_ASK_MAGIC = 0x73627876, VSOCK_ASK_SIZE = 16, VSOCK_EVENT_SIZE = 8 };

enum vsock_ask { VSOCK_CONNECT = 1, VSOCK_EVENTS = 2 };

enum vsock_flags {
	VSOCK_FLAG_SESSION = 1 << 0, /* CONNECT: counts as an attached session */
};

enum vsock_event {
	VSOCK_EVENT_READY = 1,	  /* value: 0 */
	VSOCK_EVENT_SESSIONS = 2, /* value: open CONNECTs that are sessions */
};

struct vsock_ask_message {
	enum vsock_ask ask;
	uint16_t flags;
	uint32_t port;
};

/* Encode and decode exactly the sizes above; decode returns -EPROTO on anything else. */
void vsock_ask_encode(const struct vsock_ask_message *message, uint8_t to[VSOCK_ASK_SIZE]);
int vsock_ask_decode(const uint8_t from[VSOCK_ASK_SIZE], struct vsock_ask_message *ret);
void vsock_event_encode(enum vsock_event event, uint32_t value, uint8_t to[VSOCK_EVENT_SIZE]);
int vsock_event_decode(const uint8_t from[VSOCK_EVENT_SIZE], enum vsock_event *ret_event,
		       uint32_t *ret_value);

#endif
