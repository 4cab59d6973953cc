/*
 * An owner for codecs in tests: writes each event as a line, so that a case can
 * compare what happened as text, and carries bytes between two codecs.
 *
 *	request POST https://a.example/x length 5 body
 *	  name: value
 *	data 5
 *	end
 *	response 200 length -1 body
 *	cut malformed
 *	broken
 *	gone
 */
#ifndef TESTS_UNIT_HTTP_RECORD_H
#define TESTS_UNIT_HTTP_RECORD_H

#include "base/buf.h"
#include "http/codec.h"

struct record {
	struct buf log;
	struct buf body;	    /* all data */
	struct http_stream *stream; /* the latest; NULL when gone */
	size_t requests, responses, gone;
	size_t held;	    /* data not yet acknowledged */
	bool holds;	    /* http_consumed() is not called */
	bool answers;	    /* each request is answered 204 when it is complete */
	const char *scheme; /* for again.h */
	bool is_proxy;
	bool is_quiet; /* no log */
	char url[512]; /* of the latest request */
	char why[128]; /* of broken */
};

extern const struct http_events record_events;

void record_init(struct record *record);
void record_finish(struct record *record);

/* The log so far, which begins anew. Valid until the next call. */
const char *record_take(struct record *record);

/* Feeds all of text in pieces of step bytes, as far as the codec takes them. Returns input()'s
 * failure or bytes taken. */
ssize_t record_feed(struct http_codec *codec, const void *bytes, size_t len, size_t step);

/* Appends what the codec has to say. */
void record_drain(struct http_codec *codec, struct buf *to);

/* Carries bytes both ways, in pieces of step, until nothing moves. */
void record_pump(struct http_codec *a, struct http_codec *b, size_t step);

#endif
