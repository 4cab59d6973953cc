/*
 * A complete head section, judged: request or response, and how its body is
 * framed (RFC 9112 §3, §4, §6). Every doubt is a refusal with the status that a server
 * answers it with and a sentence.
 */
#ifndef HTTP_HTTP1_HEAD_H
#define HTTP_HTTP1_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "http/http1_section.h"
#include "http/message.h"

enum http1_framing {
	HTTP1_NONE,	   /* no body */
	HTTP1_LENGTH,	   /* content_length bytes, at least 1 */
	HTTP1_CHUNKED,	   /* RFC 9112 §7.1, with trailers */
	HTTP1_UNTIL_CLOSE, /* responses only */
};

struct http1_refusal {
	unsigned status;
	const char *why; /* constant */
};

/* What the connection needs to know beside the message. */
struct http1_head {
	enum http1_framing framing;
	bool is_old;   /* HTTP/1.0 */
	bool persists; /* the other end will take another exchange */
	struct http1_refusal refusal;
};

/* -EPROTO: see ret_head->refusal; -ENOMEM. The request is as in http/message.h. */
int http1_request_parse(const struct http1_section *section, const char *scheme, bool is_proxy,
			struct http_request *ret_request, struct http1_head *ret_head);

/* method, upgrade (or NULL): of the request that is answered. */
int http1_response_parse(const struct http1_section *section, const char *method,
			 const char *upgrade, struct http_response *ret_response,
			 struct http1_head *ret_head);

#endif
