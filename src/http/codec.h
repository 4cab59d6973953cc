/*
 * One end of a connection that speaks HTTP: server (towards the guest) or
 * client (towards the origin), HTTP/1.1 (http/http1.h) or HTTP/2
 * (http2/http2.h), behind one table. Sans-I/O: bytes in, bytes out, events.
 *
 * A stream is one exchange. It is the codec's; pointers are good until
 * `gone` was called. Bodies flow in pieces, never gathered: what `data` hands
 * over is acknowledged by http_consumed(), and until then the other end's
 * window (HTTP/2) or our appetite (HTTP/1: input() takes no more) is smaller.
 * A message that HTTP allows to be read in two ways is refused, never mended.
 *
 * The owner's loop. Feed what was received and keep what input() left; give
 * it again after consumed(), finish(), respond() or output(). While
 * wants_output(), call output() and send what it gave: it may give nothing
 * and only tell events. When is_done() and nothing wants out, close. No
 * function but destroy() is forbidden within an event; time-outs are the owner's.
 *
 * Messages. has_body false: the head was all, neither data nor end follow and
 * neither send nor finish are needed. A body for HEAD, 204 and 304 may be
 * sent and is dropped. What is sent must be as long as content_length says
 * (-EMSGSIZE, and the stream is cut). Content-Length, Host, Expect and the
 * hop-by-hop fields are the codecs': they leave those out of what they tell
 * and of what they write.
 *
 * Raw streams. CONNECT answered by 2xx, and an upgrade answered by 101, turn
 * the stream raw: whatever has_body said, data then flows both ways, `end`
 * says that the other end sends no more, and finish() closes the connection
 * once all was sent. The server takes no byte beyond the head before it was
 * answered: after a 2xx to CONNECT and an empty output the owner may as well
 * destroy the codec and keep the connection.
 */
#ifndef HTTP_CODEC_H
#define HTTP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "http/message.h"

struct http_codec;
struct http_stream;

enum http_side { HTTP_SERVER, HTTP_CLIENT };

/* Why a stream was cut. */
enum http_cut {
	HTTP_CUT_CANCELLED, /* one side wants no more of it */
	HTTP_CUT_MALFORMED, /* the message cannot be believed */
	HTTP_CUT_REFUSED,   /* the request was not looked at: may be tried elsewhere */
	HTTP_CUT_CLOSED,    /* the connection ended within it */
};

/* What the owner hears, from within input(), input_end() or output(); `gone` also destroy(). */
struct http_events {
	/* Server: a request (has_body: data or end follow). Its owner may move strings out. */
	void (*request)(void *owner, struct http_stream *stream, struct http_request *request,
			bool has_body);
	/* Client: a response head; 1xx come before the final one. */
	void (*response)(void *owner, struct http_stream *stream, struct http_response *response,
			 bool has_body);
	void (*data)(void *owner, struct http_stream *stream, const uint8_t *bytes, size_t len);
	/* The body is complete; trailers may be empty. Those that say credentials do not exist. */
	void (*end)(void *owner, struct http_stream *stream, struct http_fields *trailers);
	/* The other end or the codec gave the stream up; nothing may be sent on it. */
	void (*cut)(void *owner, struct http_stream *stream, enum http_cut why);
	/* More body may be sent. */
	void (*room)(void *owner, struct http_stream *stream);
	/* The stream is freed after this call. */
	void (*gone)(void *owner, struct http_stream *stream);
	/* The peer broke HTTP; a sentence. The codec has queued what it says to it, and is done. */
	void (*broken)(void *owner, const char *why);
};

struct http_codec_impl {
	const char *name; /* "http/1.1", "h2": also the ALPN id */
	ssize_t (*input)(struct http_codec *codec, const uint8_t *bytes, size_t len);
	void (*input_end)(struct http_codec *codec);
	size_t (*output)(struct http_codec *codec, uint8_t *to, size_t room);
	bool (*wants_output)(const struct http_codec *codec);
	bool (*is_done)(const struct http_codec *codec);
	struct http_stream *(*open)(struct http_codec *codec, const struct http_request *request,
				    bool has_body, void *tag);
	bool (*can_open)(const struct http_codec *codec);
	int (*respond)(struct http_stream *stream, const struct http_response *response,
		       bool has_body);
	ssize_t (*send)(struct http_stream *stream, const uint8_t *bytes, size_t len);
	int (*finish)(struct http_stream *stream, const struct http_fields *trailers);
	void (*cut)(struct http_stream *stream, enum http_cut why);
	void (*consumed)(struct http_stream *stream, size_t len);
	void (*close)(struct http_codec *codec);
	void (*destroy)(struct http_codec *codec);
};

/* The codec's first member. */
struct http_codec {
	const struct http_codec_impl *impl;
	const struct http_events *events;
	void *owner;
	enum http_side side;
};

/* The stream's first members. */
struct http_stream {
	struct http_codec *codec;
	void *tag; /* the owner's */
};

/* Bytes taken, which may be fewer than len while bodies wait to be consumed; -EPROTO, -ENOMEM. */
static inline ssize_t http_input(struct http_codec *codec, const uint8_t *bytes, size_t len)
{
	return codec->impl->input(codec, bytes, len);
}

/* The connection's other end sends no more. */
static inline void http_input_end(struct http_codec *codec)
{
	codec->impl->input_end(codec);
}

/* Bytes to send now; 0: none. */
static inline size_t http_output(struct http_codec *codec, uint8_t *to, size_t room)
{
	return codec->impl->output(codec, to, room);
}

static inline bool http_wants_output(const struct http_codec *codec)
{
	return codec->impl->wants_output(codec);
}

/* Nothing more will come of this connection: flush, then close it. */
static inline bool http_is_done(const struct http_codec *codec)
{
	return codec->impl->is_done(codec);
}

/*
 * Client: begins an exchange; NULL: not now (can_open), out of memory, or this
 * version cannot say it (an upgrade or CONNECT by HTTP/2, a value that is none).
 */
static inline struct http_stream *
http_open(struct http_codec *codec, const struct http_request *request, bool has_body, void *tag)
{
	return codec->impl->open(codec, request, has_body, tag);
}

static inline bool http_can_open(const struct http_codec *codec)
{
	return codec->impl->can_open(codec);
}

/*
 * Server: a response head; 1xx any number of times, then one final. -EINVAL: not
 * now, or a value is none.
 */
static inline int http_respond(struct http_stream *stream, const struct http_response *response,
			       bool has_body)
{
	return stream->codec->impl->respond(stream, response, has_body);
}

/* Body bytes taken; 0: no room now (`room` is called); -EMSGSIZE, -EPIPE: it was cut. */
static inline ssize_t http_send(struct http_stream *stream, const uint8_t *bytes, size_t len)
{
	return stream->codec->impl->send(stream, bytes, len);
}

/* The body is complete. trailers NULL: none. */
static inline int http_finish(struct http_stream *stream, const struct http_fields *trailers)
{
	return stream->codec->impl->finish(stream, trailers);
}

/* Gives the stream up; `gone` follows. HTTP/1: the connection is done with it. */
static inline void http_cut(struct http_stream *stream, enum http_cut why)
{
	stream->codec->impl->cut(stream, why);
}

static inline void http_consumed(struct http_stream *stream, size_t len)
{
	stream->codec->impl->consumed(stream, len);
}

/* No new exchanges; those open go on (GOAWAY, Connection: close). */
static inline void http_close(struct http_codec *codec)
{
	codec->impl->close(codec);
}

/* Each open stream hears `gone`, nothing else. Not within an event. */
static inline void http_destroy(struct http_codec *codec)
{
	if (codec != NULL)
		codec->impl->destroy(codec);
}

#endif
