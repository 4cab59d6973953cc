/*
 * A body as it arrives, taken out of its framing (RFC 9112 §6, §7.1). A chunk is its
 * size in at most 15 digits and nothing else; chunk extensions are refused.
 */
#ifndef HTTP_HTTP1_BODY_H
#define HTTP_HTTP1_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "http/http1_head.h"
#include "http/http1_section.h"

enum { HTTP1_TRAILER_MAX = 16384 };

/*
 * SIZE until its CR, SIZE_LF, then DATA, DATA_CR, DATA_LF and SIZE again; after the
 * size 0 TRAILERS until the empty line. A body of stated length is DATA only, one
 * that lasts until the end of the connection ENDLESS.
 */
enum http1_body_state {
	HTTP1_BODY_SIZE,
	HTTP1_BODY_SIZE_LF,
	HTTP1_BODY_DATA,
	HTTP1_BODY_DATA_CR,
	HTTP1_BODY_DATA_LF,
	HTTP1_BODY_TRAILERS,
	HTTP1_BODY_ENDLESS,
	HTTP1_BODY_DONE,
};

struct http1_body {
	enum http1_body_state state;
	bool is_chunked;
	uint64_t left;	 /* of the chunk or body; while SIZE what was read of it */
	unsigned digits; /* of SIZE */
	struct http1_section trailers;
};

/* Payload within the bytes that were fed. */
struct http1_piece {
	const uint8_t *bytes;
	size_t len; /* may be 0 */
};

/* length: for HTTP1_LENGTH, at least 1. Framing NONE is DONE at once. */
void http1_body_init(struct http1_body *body, enum http1_framing framing, uint64_t length);
void http1_body_finish(struct http1_body *body);

/*
 * Takes from the front up to one piece of at most data_max bytes. Returns bytes
 * taken, 0 only when len or data_max is 0 or the body is done; -EPROTO, -EMSGSIZE, -ENOMEM.
 */
ssize_t http1_body_feed(struct http1_body *body, const uint8_t *bytes, size_t len, size_t data_max,
			struct http1_piece *ret);

/* Of a body that is done; checked by http_trailers_check(). -EPROTO, -E2BIG, -ENOMEM. */
int http1_body_trailers(const struct http1_body *body, struct http_fields *ret);

#endif
