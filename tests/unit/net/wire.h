/*
 * A network around one stack, for tests: the guest's end of the link, where
 * frames are built and looked at by code of its own, and a world of peers that
 * send and expect a stream whose every byte follows from its position.
 */
#ifndef TESTS_UNIT_NET_WIRE_H
#define TESTS_UNIT_NET_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/link.h"
#include "net/stack.h"

enum { WIRE_FRAMES = 64, WIRE_PEERS = 64, WIRE_PARTS = 96, WIRE_GIVEN = 128 };

enum { SEEN_FIN = 1, SEEN_SYN = 2, SEEN_RST = 4, SEEN_PSH = 8, SEEN_ACK = 16, SEEN_URG = 32 };

/* What the world does with a connection of the guest. */
enum wire_answer { WIRE_ACCEPT, WIRE_HOLD, WIRE_RESET, WIRE_PROHIBIT, WIRE_UNREACHABLE, WIRE_DROP };

struct peer {
	struct net_flow *flow;
	struct endpoint to;
	uint64_t received; /* from the guest */
	uint64_t takes;	   /* what it takes of them, in all */
	uint64_t sends;	   /* what it has for the guest, in all */
	uint64_t acked;
	bool ends, is_wrong, established, finished, closed;
	int error;		     /* of closed */
	int write_error, peek_error; /* not 0: what those say */
	unsigned writes, peeks;
};

struct wire_frame {
	struct net_offload offload;
	size_t len;
	uint8_t bytes[NET_FRAME_MAX];
};

struct wire {
	struct net_stack *stack;
	struct net_world world;
	uint64_t now_ms;
	struct wire_frame frames[WIRE_FRAMES]; /* to the guest */
	unsigned first, count, room;
	size_t piece;		    /* bytes of each receive buffer */
	unsigned reserved;	    /* frames behind those */
	bool is_cut;		    /* what is reserved still has to be dropped */
	uint8_t *given[WIRE_GIVEN]; /* owned: frames of the guest since the last flush */
	unsigned given_count;
	enum wire_answer answer;
	uint64_t peer_takes; /* of new peers */
	struct peer peers[WIRE_PEERS];
	unsigned peer_count, opened, closed;
	unsigned datagrams;
	struct endpoint datagram_from, datagram_to;
	size_t datagram_len;
	const char *rule; /* of the last drop */
};

/* A packet of the guest. What is zero is filled in by wire_build(). */
struct sent {
	bool v6;
	uint8_t protocol;
	const char *from, *to; /* the guest's address, the gateway's */
	uint16_t from_port, to_port;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	const uint8_t *options;
	size_t options_len;
	uint64_t at; /* position in the stream of the payload */
	size_t len;
};

/* A packet of the stack, its lengths and checksums found right. */
struct seen {
	bool v6;
	uint16_t type; /* of Ethernet */
	uint8_t protocol;
	struct endpoint from, to;
	uint32_t seq, ack, window;
	uint8_t flags, icmp_type, icmp_code;
	uint16_t mss;
	int scale; /* -1: none */
	const uint8_t *payload;
	size_t len;
	struct net_offload offload;
};

void wire_start(struct wire *wire);
void wire_stop(struct wire *wire);

/* The byte at a position of a stream. */
uint8_t wire_byte(uint64_t at);

/* The Internet checksum by the plainest of loops. */
uint16_t wire_sum(const uint8_t *bytes, size_t len, uint32_t sum);

struct endpoint wire_endpoint(const char *address, uint16_t port);

/* Ethernet to payload, checksums filled in; returns the length. */
size_t wire_build(const struct sent *sent, uint8_t frame[NET_FRAME_MAX]);

/* The same after its bytes were changed: the checksums of an IPv4 or IPv6 packet anew. */
void wire_seal(uint8_t *frame, size_t len);

/* Gives a frame to the stack, in pieces; nothing is flushed. */
void wire_give(struct wire *wire, const uint8_t *bytes, size_t len);

void wire_flush(struct wire *wire);

/* Builds, gives, flushes. */
void wire_send(struct wire *wire, const struct sent *sent);

/* The next frame for the guest; false: none, or it is not well-formed (is_wrong is set). */
bool wire_take(struct wire *wire, struct seen *ret);
bool wire_is_wrong(void);

/* Time passes, in steps that tick() asks for. */
void wire_pass(struct wire *wire, uint64_t ms);

/* The stream of the last peer changed. */
void wire_more(struct wire *wire, struct peer *peer, uint64_t bytes, bool ends);

#endif
