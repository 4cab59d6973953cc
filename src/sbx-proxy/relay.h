/*
 * A body on its way from one stream to another, in pieces: what the other end
 * does not take waits here, and until it is gone the sender is not told to go on.
 * A filter may look at the bytes, hold some back and change them.
 */
#ifndef SBX_PROXY_RELAY_H
#define SBX_PROXY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/codec.h"

/* Appends to out what may go on; `end`: all of it. -errno stops the message. */
typedef int relay_filter_fn(void *context, const uint8_t *bytes, size_t len, bool end,
			    struct buf *out);

struct relay {
	struct http_stream *const *from, *const *to; /* weak; NULL in them: gone, or not open */
	relay_filter_fn *filter;		     /* NULL: all goes on as it is */
	void *context;
	struct buf raw, out; /* not filtered, not sent */
	size_t unacknowledged;
	bool is_active;	  /* there is a body */
	bool is_ended;	  /* no more will come */
	bool is_filtered; /* and the filter knows */
	bool is_finished; /* and the other end */
	struct http_fields trailers;
};

void relay_init(struct relay *relay, struct http_stream *const *from,
		struct http_stream *const *to);
void relay_finish(struct relay *relay); /* wipes */

/* Events of `from`; the trailers are moved. 0, or the error of the filter or of the other end. */
int relay_data(struct relay *relay, const uint8_t *bytes, size_t len);
int relay_end(struct relay *relay, struct http_fields *trailers);

/* The other end has room, or is open now. */
int relay_move(struct relay *relay);

/* Whether all of it was passed on, or there is nothing to pass on. */
bool relay_is_done(const struct relay *relay);

#endif
