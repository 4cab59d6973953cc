/*
 * HTTP/1.1 as RFC 9112 has it, and nothing that it merely tolerates: CRLF only,
 * no folded lines, no space before a colon, one Host that agrees with an
 * absolute target, Content-Length of digits once, Transfer-Encoding exactly
 * "chunked" and never both, no chunk extensions, no h2c upgrade.
 */
#ifndef HTTP_HTTP1_H
#define HTTP_HTTP1_H

#include "http/codec.h"

struct http1_config {
	enum http_side side;
	const char *scheme; /* of requests in origin form: "http", "https" */
	bool is_proxy;	    /* server: absolute form and CONNECT are expected */
	const struct http_events *events;
	void *owner;
};

int http1_create(const struct http1_config *config, struct http_codec **ret);

#endif
