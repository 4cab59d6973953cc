/*
 * Inside an HTTP/1 codec: one exchange at a time, two state machines.
 *
 * What comes in:	HEAD	lines of the next head are gathered (client: of the response)
 *			BODY	pieces go to the owner, or are swallowed after the answer
 *			FULL	the message is complete; no byte is taken
 *			RAW	pieces go to the owner, unframed
 *			DEAF	the connection is done; bytes are dropped
 * What goes out:	NONE	server: no final head yet; client: no exchange
 *			BODY	within the framing that the head promised
 *			RAW	unframed
 *			DONE	the message is complete
 *
 * An exchange is over when it was cut, or FULL and DONE; http1_output() ends it
 * once the outbox is empty, and then HEAD or DEAF follows.
 */
#ifndef HTTP_HTTP1_CODEC_H
#define HTTP_HTTP1_CODEC_H

#include "http/codec.h"
#include "http/http1.h"
#include "http/http1_body.h"
#include "http/http1_head.h"
#include "http/http1_section.h"
#include "http/outbox.h"

enum {
	HTTP1_WINDOW = 65536,	      /* bytes the owner may have without http_consumed() */
	HTTP1_OUT_MAX = 65536,	      /* bytes of bodies that wait for http_output() */
	HTTP1_SWALLOW_MAX = 1 << 20,  /* bytes of a request after its answer */
	HTTP1_INFORMATIONAL_MAX = 32, /* 1xx before a final response */
};

enum http1_in { HTTP1_IN_HEAD, HTTP1_IN_BODY, HTTP1_IN_FULL, HTTP1_IN_RAW, HTTP1_IN_DEAF };
enum http1_out { HTTP1_OUT_NONE, HTTP1_OUT_BODY, HTTP1_OUT_RAW, HTTP1_OUT_DONE };

struct http1 {
	struct http_codec codec;
	char *scheme;
	bool is_proxy;

	enum http1_in in;
	enum http1_out out;
	struct http1_section head;
	struct http1_body body;
	struct outbox outbox;
	bool is_closing; /* no exchange after this one */

	/* Of the exchange. */
	struct http_stream stream;
	bool has_stream;
	bool is_cut;
	bool persists; /* the connection outlives it, as far as is known */
	bool is_old;   /* server: the request was HTTP/1.0 */
	bool awaits_continue;
	bool wants_room;
	char method[HTTP_METHOD_MAX];
	char *upgrade;
	size_t unconsumed;
	size_t swallowed;
	unsigned informational;
	enum http1_framing out_framing;
	int64_t out_left;    /* of HTTP1_LENGTH */
	bool out_is_dropped; /* a body for HEAD, 204 or 304 */
};

static inline struct http1 *http1_of(const struct http_stream *stream)
{
	return (struct http1 *)stream->codec;
}

/* Begins an exchange with its method and upgrade; -ENOMEM. */
int http1_begin(struct http1 *http1, const struct http_request *request);

/* The exchange and the connection end here; what was queued still goes out. */
void http1_abandon(struct http1 *http1);

/* http1_receive.c */
ssize_t http1_receive(struct http1 *http1, const uint8_t *bytes, size_t len);
void http1_receive_end(struct http1 *http1);

/* http1_send.c */
struct http_stream *http1_open(struct http_codec *codec, const struct http_request *request,
			       bool has_body, void *tag);
bool http1_can_open(const struct http_codec *codec);
int http1_respond(struct http_stream *stream, const struct http_response *response, bool has_body);
ssize_t http1_send(struct http_stream *stream, const uint8_t *bytes, size_t len);
int http1_finish(struct http_stream *stream, const struct http_fields *trailers);

/* Answers what cannot be believed, if no answer has begun. */
void http1_reject(struct http1 *http1, const struct http1_refusal *refusal);

#endif
