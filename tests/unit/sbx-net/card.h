/*
 * A scripted guest, sbxd and sbx-proxy before the real sbx-net: the program
 * runs in its jail, in a network namespace of the test with a few public-looking
 * addresses, and what a guest's driver and kernel do is done here frame by frame.
 */
#ifndef TESTS_UNIT_SBX_NET_CARD_H
#define TESTS_UNIT_SBX_NET_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/err.h"
#include "jail/spawn.h"
#include "tests/unit/virtio/driver_ring.h"
#include "vm/guestmem.h"
#include "wire/net.h"
#include "wire/stream.h"

enum {
	CARD_WAIT_MS = 60000,
	CARD_QUEUES = 2,
	CARD_FRAME_MAX = 1 << 16,
};

/* Addresses of this machine, in the test's namespace only. */
#define CARD_PEER4 "93.184.216.34"
#define CARD_OTHER4 "93.184.216.35"
#define CARD_PEER6 "2606:2800:220:1::34"

struct vhost_frontend;

/* What the driver agrees to; to be set before a card is started. */
extern uint64_t card_features;

/* How a frame of the guest lies in its descriptors. */
enum card_layout {
	CARD_TOGETHER, /* header and frame in one */
	CARD_APART,    /* the header in two, the frame in two more */
	CARD_INDIRECT, /* the same in a table of its own */
};

struct virtio_net_hdr_v1;

struct card {
	struct spawned child;
	char folder[64]; /* private, holds the control socket */
	struct vhost_frontend *frontend;
	struct guestmem mem;
	int memory_fd;
	struct driver_ring ring[CARD_QUEUES];
	int kick[CARD_QUEUES], call[CARD_QUEUES];
	int proxy;	       /* the other end of sbx-net's line to sbx-proxy */
	struct stream control; /* as sbxd */
	struct err err;
	uint8_t frame[CARD_FRAME_MAX]; /* the last one for the guest */
	size_t len;
	unsigned tx_next;
};

/* Enters a namespace with the addresses above; why it cannot, or NULL. Once in a process. */
const char *card_enter_world(void);

/* Starts sbx-net (environment SBX_NET) and the driver. */
int card_start(struct card *card);

/* Ends the VM: the program must exit by itself with 0; returns whether it did. */
bool card_stop(struct card *card);

/* As sbxd: connects (again), sends a frame (fd -1: none), a whole policy, waits for a frame. */
int card_connect(struct card *card);
int card_tell(struct card *card, const struct net_message *message, int fd);
/* Each rule: "allow", "deny" or "udp" (allowed), a space, a resource. Ended by NULL. Waits until
 * it is applied. */
int card_set_policy(struct card *card, const char *const *rules);
/* The next verdict of sbx-net; 0 or -errno. */
int card_verdict(struct card *card, struct net_verdict *ret);

/* As sbx-proxy. Returns 0 or -errno; ret_fd gets -1 when none came. */
int card_proxy_next(struct card *card, struct net_message *ret, int *ret_fd);
int card_proxy_tell(struct card *card, const struct net_message *message);

/* A frame of the guest. */
void card_send(struct card *card, const uint8_t *frame, size_t len);

/* With that header, of which header_len bytes are sent. */
void card_send_as(struct card *card, const struct virtio_net_hdr_v1 *header, size_t header_len,
		  const uint8_t *frame, size_t len, enum card_layout layout);

/* The slot of the next sent frame that sbx-net gave back; -1: none came in time. */
int card_sent(struct card *card);

/* The next frame for the guest, into card->frame; false: none came in time. */
bool card_next(struct card *card);

/* ---- packets */

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

struct packet {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP */
	struct endpoint from, to;
	uint32_t seq, ack;
	uint8_t flags;
	const uint8_t *payload;
	size_t len;
};

/* The frame of a packet, with room for 100 bytes beside its payload; its length. */
size_t packet_build(const struct packet *packet, uint8_t *frame);

/* Sends an IPv4 or IPv6 packet of the guest. */
void card_send_packet(struct card *card, const struct packet *packet);

/* The next TCP, UDP or ICMP packet for the guest; others are passed over. */
bool card_next_packet(struct card *card, struct packet *ret);

/* A connection of the guest, as a client. */
struct session {
	struct endpoint from, to;
	uint32_t seq, ack;
};

/* Connects; true when it was accepted, false when it was reset. */
bool session_open(struct card *card, struct session *session, const char *to, uint16_t from_port);
void session_send(struct card *card, struct session *session, const void *bytes, size_t len);
/* The next bytes of the peer, acknowledged; 0 at its end, -ECONNRESET, -ETIMEDOUT. */
ssize_t session_receive(struct card *card, struct session *session, void *to, size_t max);

struct endpoint endpoint_of(const char *text);

#endif
