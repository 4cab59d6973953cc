#include "sbx-proxy/relay.h"

#include <errno.h>
#include <string.h>

enum {
	RAW_MAX = 8 << 20,  /* the sender's window is smaller */
	OUT_MAX = 16 << 20, /* of a piece that was decompressed; more is a bomb */
	PIECE = 2048,	    /* bytes of it at once */
};

void relay_init(struct relay *relay, struct http_stream *const *from, struct http_stream *const *to)
{
	*relay = (struct relay){ .from = from, .to = to };
	buf_init(&relay->raw, RAW_MAX);
	buf_init(&relay->out, OUT_MAX);
	http_fields_init(&relay->trailers);
}

static void wipe(struct buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->cap);
	buf_finish(buf);
}

void relay_finish(struct relay *relay)
{
	wipe(&relay->raw);
	wipe(&relay->out);
	http_fields_finish(&relay->trailers);
}

/* 1: all of buf is gone, 0: no room for the rest, -errno. */
static int send_buf(struct relay *relay, struct buf *buf)
{
	while (buf->len > 0) {
		ssize_t n = http_send(*relay->to, buf->data, buf->len);

		if (n <= 0)
			return (int)n;
		buf_consume(buf, (size_t)n);
	}
	if (buf->data != NULL)
		wipe(buf);
	return 1;
}

/* The next piece of raw through the filter, or the end of it. 1: there was one. */
static int filter_piece(struct relay *relay)
{
	size_t len = relay->raw.len < PIECE ? relay->raw.len : PIECE;
	bool is_last = relay->is_ended && len == relay->raw.len;
	int r;

	if (relay->is_filtered || (len == 0 && !is_last))
		return 0;
	r = relay->filter(relay->context, relay->raw.data, len, is_last, &relay->out);
	if (r < 0)
		return r;
	buf_consume(&relay->raw, len);
	if (relay->raw.len == 0)
		wipe(&relay->raw);
	relay->is_filtered = is_last;
	return 1;
}

/* 1: nothing is left to send, 0: it waits, -errno. */
static int move_bytes(struct relay *relay)
{
	int r;

	if (relay->filter == NULL)
		return send_buf(relay, &relay->raw);
	do {
		r = send_buf(relay, &relay->out);
		if (r > 0)
			r = filter_piece(relay);
		else
			return r;
	} while (r > 0);
	return r < 0 ? r : 1;
}

static void acknowledge(struct relay *relay)
{
	if (relay->unacknowledged > 0 && *relay->from != NULL)
		http_consumed(*relay->from, relay->unacknowledged);
	relay->unacknowledged = 0;
}

int relay_move(struct relay *relay)
{
	int r;

	if (!relay->is_active || relay->is_finished || *relay->to == NULL)
		return 0;
	r = move_bytes(relay);
	if (r <= 0)
		return r;
	acknowledge(relay);
	if (!relay->is_ended)
		return 0;
	relay->is_finished = true;
	return http_finish(*relay->to, &relay->trailers);
}

/* Most pieces go straight through. */
static int send_directly(struct relay *relay, const uint8_t *bytes, size_t len)
{
	ssize_t n;

	if (relay->filter != NULL || relay->raw.len > 0 || *relay->to == NULL)
		return 0;
	n = http_send(*relay->to, bytes, len);
	return (int)n;
}

int relay_data(struct relay *relay, const uint8_t *bytes, size_t len)
{
	int n, r;

	relay->is_active = true;
	relay->unacknowledged += len;
	n = send_directly(relay, bytes, len);
	if (n < 0)
		return n;
	r = buf_append(&relay->raw, bytes + n, len - (size_t)n);
	return r < 0 ? r : relay_move(relay);
}

int relay_end(struct relay *relay, struct http_fields *trailers)
{
	relay->is_active = true;
	relay->is_ended = true;
	if (trailers != NULL) {
		http_fields_finish(&relay->trailers);
		relay->trailers = *trailers;
		http_fields_init(trailers);
	}
	return relay_move(relay);
}

bool relay_is_done(const struct relay *relay)
{
	return !relay->is_active || relay->is_finished;
}
