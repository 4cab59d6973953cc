/*
 * Framing: how every message between our processes and with the guest is cut
 * out of a byte stream.
 *
 *	offset 0  le32 length of the payload, at most FRAME_PAYLOAD_MAX
 *	       4  le16 type
 *	       6  le16 zero
 *	       8  payload
 *
 * A frame that breaks this is -EPROTO and the stream is finished: there is no
 * way to find the next frame. No I/O here; bytes go in, frames come out.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum { FRAME_HEADER_SIZE = 8, FRAME_PAYLOAD_MAX = 65536 };

struct frame {
	uint16_t type;
	const uint8_t *payload; /* weak: in the bytes that were parsed */
	size_t len;
};

/*
 * Finds the first frame in len bytes. Returns the bytes it takes, 0 when more
 * bytes are needed, -EPROTO.
 */
int frame_parse(const uint8_t *bytes, size_t len, struct frame *ret);

/* Appends a frame to buf; -EMSGSIZE when len is too much, or an error of buf_append(). */
int frame_append(struct buf *buf, uint16_t type, const void *payload, size_t len);

#endif
