/*
 * Heads, chunks and trailers as HTTP/1.1 writes them (RFC 9112). Everything is
 * checked again on the way out, so that no value, wherever it came from, can
 * begin a line of its own. What fails leaves the buffer as it was.
 */
#ifndef HTTP_HTTP1_WRITE_H
#define HTTP_HTTP1_WRITE_H

#include <stdbool.h>

#include "base/buf.h"
#include "http/http1_head.h"
#include "http/message.h"

enum { HTTP1_CHUNK_HEAD_MAX = 18 }; /* bytes around a chunk: size, two line ends */

/* For a proxy (absolute form, Proxy-Authorization allowed) or an origin. -EINVAL, -ENOBUFS,
 * -ENOMEM. */
int http1_write_request(const struct http_request *request, enum http1_framing framing,
			bool is_for_proxy, struct buf *out);

struct http1_answer {
	const char *method;  /* that is answered */
	const char *upgrade; /* that a 101 switches to */
	enum http1_framing framing;
	bool close;
};

int http1_write_response(const struct http_response *response, const struct http1_answer *answer,
			 struct buf *out);

/* One chunk; len at least 1. */
int http1_write_chunk(const uint8_t *bytes, size_t len, struct buf *out);

/* The last chunk and the trailers (NULL: none). */
int http1_write_last_chunk(const struct http_fields *trailers, struct buf *out);

#endif
