/*
 * What a WebSocket server sends (RFC 6455 §5), looked through for secrets on its
 * way to the client. Frames keep their heads and lengths, so the stream stays one
 * of frames; what is masked is a part of a payload.
 *
 * A value is found across the frames of one message, also with control frames among
 * them, and in the payload of a control frame. Where a message ends nothing is held
 * back, as the client may answer before it hears more: a value that a server cuts
 * into several messages passes.
 *
 * Only what can be looked into goes on: no extension (RSV bits), no masked payload.
 */
#ifndef CREDENTIAL_WEBSOCKET_H
#define CREDENTIAL_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct needle_search;

enum {
	WEBSOCKET_HEAD_MAX = 10, /* of a frame that is not masked */
	WEBSOCKET_CONTROL_MAX = 125,
};

struct websocket {
	struct needle_search *search; /* weak */
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t head_len;
	bool is_begun; /* a frame, and its head is whole */
	bool is_control, is_final;
	bool is_open;  /* a message: more frames of it follow */
	uint64_t left; /* of the frame's payload */
	uint8_t control[WEBSOCKET_CONTROL_MAX];
	size_t control_len;
	uint64_t searched; /* bytes of messages that the search was given */
	struct buf clear;  /* of them, let go by the search, before what is among them joins */
	struct buf among;  /* heads and control frames behind bytes that the search holds back */
};

void websocket_init(struct websocket *websocket, struct needle_search *search);
void websocket_finish(struct websocket *websocket); /* wipes */

/*
 * Appends what may go on to `out`; `end`: no more will come. -EBADMSG: no frames that can be
 * looked into; -ENOBUFS: too many of them while something is held back, or an error of
 * buf_append(). After any error nothing more may be sent.
 */
int websocket_feed(struct websocket *websocket, const uint8_t *bytes, size_t len, bool end,
		   struct buf *out);

#endif
