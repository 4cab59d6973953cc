/*
 * HTTP/1.1 as RFC 9112 has it, and nothing that it merely tolerates: CRLF only,
 * no folded lines, no space before a colon, one Host that agrees with an
 * absolute target, Content-Length of digits once, Transfer-Encoding exactly
 * "chunked" and never both, no chunk extensions. Methods are upper case. An
 * Upgrade to anything but websocket (h2c) is not heard; the preface of HTTP/2 is
 * refused. HTTP/1.0 is spoken, without keep-alive.
 *
 * A server answers what it cannot believe with 400, 414, 417, 431 or 505 and
 * ends the connection. A body that goes on after its answer is complete is
 * swallowed up to a bound, for keep-alive's sake.
 */
#ifndef HTTP_HTTP1_H
#define HTTP_HTTP1_H

#include "http/codec.h"

struct http1_config {
	enum http_side side;
	const char *scheme; /* of requests in origin form: "http", "https" */
	/*
	 * Server: absolute form and CONNECT are expected, origin form is refused. Client:
	 * the other end is a proxy: absolute form and CONNECT are sent, and
	 * Proxy-Authorization may be.
	 */
	bool is_proxy;
	const struct http_events *events;
	void *owner;
};

int http1_create(const struct http1_config *config, struct http_codec **ret);

#endif
