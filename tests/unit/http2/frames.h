/*
 * HTTP/2 frames as a hostile peer writes them: header blocks are literals without
 * indexing and Huffman, so that a case can put any byte anywhere.
 */
#ifndef TESTS_UNIT_HTTP2_FRAMES_H
#define TESTS_UNIT_HTTP2_FRAMES_H

#include <stdint.h>

#include "base/buf.h"

enum frame_type {
	FRAME_DATA = 0,
	FRAME_HEADERS = 1,
	FRAME_PRIORITY = 2,
	FRAME_RST_STREAM = 3,
	FRAME_SETTINGS = 4,
	FRAME_PING = 6,
	FRAME_GOAWAY = 7,
	FRAME_WINDOW_UPDATE = 8,
	FRAME_CONTINUATION = 9,
};

enum frame_flag {
	FRAME_ACK = 1,
	FRAME_END_STREAM = 1,
	FRAME_END_HEADERS = 4,
};

/* The preface of a client with empty SETTINGS, or the empty SETTINGS of a server. */
void frame_preface(struct buf *to, int is_client);
void frame_put(struct buf *to, enum frame_type type, unsigned flags, uint32_t id,
	       const void *payload, size_t len);

/* A field of a header block. */
void frame_field(struct buf *block, const char *name, const char *value);
void frame_field_bytes(struct buf *block, const char *name, const void *value, size_t len);

/* A head: pairs of name and value, NULL at the end; its last pair may be followed by more. */
void frame_head(struct buf *to, uint32_t id, unsigned flags, const char *const *pairs);

#endif
