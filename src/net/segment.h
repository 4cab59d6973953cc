/*
 * A TCP segment's header (RFC 9293 §3.1) with the two options that we use: MSS
 * and window scale (RFC 7323 §2). The others are skipped; URG is not looked at,
 * its bytes are like all others.
 */
#ifndef NET_SEGMENT_H
#define NET_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/iov.h"

struct packet;

enum {
	SEGMENT_HEADER = 20,
	SEGMENT_HEADER_MAX = 60,
	SEGMENT_OPTIONS_MAX = 8, /* of ours */
	SEGMENT_SCALE_MAX = 14,
};

enum segment_flag {
	SEGMENT_FIN = 1 << 0,
	SEGMENT_SYN = 1 << 1,
	SEGMENT_RST = 1 << 2,
	SEGMENT_PSH = 1 << 3,
	SEGMENT_ACK = 1 << 4,
};

struct segment {
	uint16_t from_port, to_port;
	uint32_t seq, ack;
	uint8_t flags;	 /* enum segment_flag */
	uint16_t window; /* as it stands, not scaled */
	uint16_t mss;	 /* 0: none given */
	bool has_scale;
	uint8_t scale;
	struct iov data; /* in guest memory; data.left bytes */
};

/* The rule that it breaks, or NULL. packet's body is read. */
const char *segment_parse(struct packet *packet, struct segment *ret);

/* Writes the header, checksum zero; options if mss is not 0. Returns its length. */
size_t segment_build(const struct segment *segment, uint8_t to[SEGMENT_HEADER_MAX]);

/* How far it advances the sequence number. */
static inline uint32_t segment_len(const struct segment *segment)
{
	return (uint32_t)segment->data.left + ((segment->flags & SEGMENT_SYN) != 0) +
	       ((segment->flags & SEGMENT_FIN) != 0);
}

/* Sequence numbers compare modulo 2^32, RFC 9293 §3.4. */
static inline bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

#endif
