/*
 * Inside an HTTP/2 codec: nghttp2 does frames, HPACK, stream states, windows and
 * most checks of messages; here are what it leaves to its caller, and limits.
 *
 * nghttp2 calls back while it receives (http2_receive.c) and sends
 * (http2_send.c). What the owner does within an event only submits to nghttp2,
 * which allows that at any time.
 *
 * A codec is broken once the peer broke the protocol or a limit: input is dropped,
 * what says so (GOAWAY) still goes out, and then the streams end.
 */
#ifndef HTTP2_HTTP2_CODEC_H
#define HTTP2_HTTP2_CODEC_H

#include <nghttp2/nghttp2.h>

#include "base/list.h"
#include "http/codec.h"
#include "http/outbox.h"
#include "http2/http2.h"
#include "http2/http2_guard.h"

enum {
	HTTP2_STREAMS_MAX = 100,	   /* that a peer may have open */
	HTTP2_OPEN_MAX = 256,		   /* that we open, whatever the peer allows */
	HTTP2_SERVER_WINDOW = 1 << 18,	   /* bytes of a request body that wait for their owner */
	HTTP2_CLIENT_WINDOW = 1 << 20,	   /* and of a response body */
	HTTP2_CONNECTION_WINDOW = 1 << 21, /* of all streams */
	HTTP2_OUT_MAX = 32768,		   /* bytes of a body that wait for http_output() */
	HTTP2_SWALLOW_MAX = 1 << 20,	   /* bytes of a request after its answer */
	HTTP2_INFORMATIONAL_MAX = 32,	   /* 1xx before a final response */
	HTTP2_CRUMBS_MAX = 256,		   /* Cookie fields of one head */
	HTTP2_IDLE_FRAMES = 1000,	   /* at once, */
	HTTP2_IDLE_FRAMES_PER_SECOND = 500,
	HTTP2_CUTS = 200, /* at once, */
	HTTP2_CUTS_PER_SECOND = 50,
	HTTP2_OUTBOUND_ACK_MAX = 256,
	HTTP2_CONTINUATIONS_MAX = 8,
};

struct http2 {
	struct http_codec codec;
	char *scheme;
	nghttp2_session *session;
	struct list streams;
	size_t open_count;
	const uint8_t *pending; /* nghttp2's, until its next mem_send */
	size_t pending_len;
	struct http2_bucket idle_frames, cuts;
	bool is_closing;   /* no new streams */
	bool is_broken;	   /* and told */
	bool is_dead;	   /* nghttp2 failed, or the connection ended: it has no more say */
	bool has_room_due; /* some stream has */
};

/* What is known of the message that comes in. */
struct http2_inbound {
	struct http_fields fields;		  /* of a head or of trailers */
	char *method, *scheme, *authority, *path; /* pseudo-header fields; owned */
	unsigned status;
	size_t bytes; /* of all of them */
	unsigned crumbs;
};

struct http2_stream {
	struct http_stream stream;
	struct list node;
	int32_t id;
	struct http2_inbound in;
	bool is_told;	  /* the owner knows it */
	bool has_head;	  /* the final head came */
	bool is_complete; /* and all after it */
	bool is_cut;	  /* told, or done by the owner */
	bool is_given_up; /* by the owner */
	unsigned informational;
	size_t unconsumed;
	size_t swallowed; /* after the answer */

	char method[HTTP_METHOD_MAX];
	bool has_answer; /* server: the final head was submitted */
	struct outbox out;
	struct http_fields trailers; /* to send */
	bool is_finished;	     /* nothing more comes to out */
	bool is_deferred;	     /* nghttp2 waits for http2_resume() */
	bool is_dropped;	     /* a body for HEAD, 204 or 304 */
	bool wants_room, has_room_due;
	int64_t out_left; /* -1: not stated */
};

static inline struct http2 *http2_from(const struct http_codec *codec)
{
	return container_of(codec, struct http2, codec);
}

static inline struct http2_stream *http2_stream_from(const struct http_stream *stream)
{
	return container_of(stream, struct http2_stream, stream);
}

/* Server: the answer is complete, nobody wants to hear more of the request. */
static inline bool http2_is_answered(const struct http2_stream *stream)
{
	return stream->has_answer && stream->is_finished;
}

/* http2.c; the stream is in the list, and nghttp2's for its id is it. NULL: -ENOMEM. */
struct http2_stream *http2_stream_create(struct http2 *http2);
/* The owner hears cut, if it should, and gone. */
void http2_stream_end(struct http2_stream *stream, enum http_cut why);
/* Ends the connection with this error of nghttp2's, once. */
void http2_break(struct http2 *http2, uint32_t error_code, const char *why);

/* http2_receive.c, http2_send.c: what they do within nghttp2 */
void http2_receive_callbacks(nghttp2_session_callbacks *callbacks);
void http2_send_callbacks(nghttp2_session_callbacks *callbacks);

/* http2_message.c */

/* One field of the head; -EINVAL, -E2BIG, -ENOMEM. */
int http2_inbound_add(struct http2_inbound *in, const char *name, size_t name_len,
		      const char *value, size_t value_len);
/* Moves a head out, judged. -EINVAL: it cannot be believed; -ENOMEM. */
int http2_inbound_request(struct http2_inbound *in, const char *scheme, struct http_request *ret);
int http2_inbound_response(struct http2_inbound *in, struct http_response *ret);
int http2_inbound_trailers(struct http2_inbound *in, struct http_fields *ret);
void http2_inbound_finish(struct http2_inbound *in);

/* Header fields for nghttp2. They point into the message. */
struct http2_fields {
	nghttp2_nv *items; /* owned */
	size_t count;
	char length[24], status[8];
};

/* -EINVAL: a value is none; -ENOMEM. */
int http2_fields_request(const struct http_request *request, struct http2_fields *ret);
int http2_fields_response(const struct http_response *response, struct http2_fields *ret);
int http2_fields_trailers(const struct http_fields *trailers, struct http2_fields *ret);
void http2_fields_finish(struct http2_fields *fields);

/* http2_send.c: the rest of the table */
struct http_stream *http2_open(struct http_codec *codec, const struct http_request *request,
			       bool has_body, void *tag);
bool http2_can_open(const struct http_codec *codec);
int http2_respond(struct http_stream *stream, const struct http_response *response, bool has_body);
ssize_t http2_send(struct http_stream *stream, const uint8_t *bytes, size_t len);
int http2_finish(struct http_stream *stream, const struct http_fields *trailers);

#endif
