/*
 * HTTP/2 (RFC 9113) by nghttp2, on either side, with the limits of a proxy that
 * a hostile guest talks to: streams, header bytes, CONTINUATION, resets and
 * settings are counted and bounded, pseudo-headers and content-length checked.
 * There is no CONNECT, no websocket (RFC 8441) and no push. A body that goes on after
 * its answer is swallowed up to a bound, then the stream is reset with NO_ERROR.
 */
#ifndef HTTP2_HTTP2_H
#define HTTP2_HTTP2_H

#include "http/codec.h"

struct http2_config {
	enum http_side side;
	const char *scheme;
	const struct http_events *events;
	void *owner;
};

int http2_create(const struct http2_config *config, struct http_codec **ret);

#endif
