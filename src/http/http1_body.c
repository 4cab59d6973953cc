#include "http/http1_body.h"

#include <errno.h>

#include "base/check.h"
#include "http/inbound.h"
#include "http/token.h"

enum { SIZE_DIGITS_MAX = 15 };

void http1_body_init(struct http1_body *body, enum http1_framing framing, uint64_t length)
{
	*body = (struct http1_body){ .state = HTTP1_BODY_DONE };
	http1_section_init(&body->trailers, HTTP1_TRAILER_MAX);
	switch (framing) {
	case HTTP1_NONE:
		break;
	case HTTP1_LENGTH:
		body->state = HTTP1_BODY_DATA;
		body->left = length;
		break;
	case HTTP1_CHUNKED:
		body->state = HTTP1_BODY_SIZE;
		body->is_chunked = true;
		break;
	case HTTP1_UNTIL_CLOSE:
		body->state = HTTP1_BODY_ENDLESS;
		break;
	}
}

void http1_body_finish(struct http1_body *body)
{
	http1_section_finish(&body->trailers);
}

static int feed_size(struct http1_body *body, uint8_t byte)
{
	int digit = http_hex_digit((char)byte);

	if (byte == '\r' && body->digits > 0) {
		body->state = HTTP1_BODY_SIZE_LF;
		return 0;
	}
	if (digit < 0 || body->digits == SIZE_DIGITS_MAX)
		return -EPROTO;
	body->left = body->left << 4 | (unsigned)digit;
	body->digits++;
	return 0;
}

/* A byte that must be there, and what comes after it. */
static int expect(struct http1_body *body, uint8_t byte, uint8_t wanted, enum http1_body_state next)
{
	if (byte != wanted)
		return -EPROTO;
	body->state = next;
	return 0;
}

static int feed_size_lf(struct http1_body *body, uint8_t byte)
{
	body->digits = 0;
	return expect(body, byte, '\n', body->left > 0 ? HTTP1_BODY_DATA : HTTP1_BODY_TRAILERS);
}

static size_t take_data(struct http1_body *body, const uint8_t *bytes, size_t len,
			struct http1_piece *ret)
{
	size_t taken = (size_t)min_of((uint64_t)len, body->left);

	*ret = (struct http1_piece){ .bytes = bytes, .len = taken };
	body->left -= taken;
	if (body->left == 0)
		body->state = body->is_chunked ? HTTP1_BODY_DATA_CR : HTTP1_BODY_DONE;
	return taken;
}

static ssize_t feed_trailers(struct http1_body *body, const uint8_t *bytes, size_t len)
{
	ssize_t n = http1_section_feed(&body->trailers, bytes, len);

	if (body->trailers.is_complete)
		body->state = HTTP1_BODY_DONE;
	return n;
}

ssize_t http1_body_feed(struct http1_body *body, const uint8_t *bytes, size_t len, size_t data_max,
			struct http1_piece *ret)
{
	int r = -EPROTO;

	*ret = (struct http1_piece){ .bytes = bytes };
	if (len == 0)
		return 0;
	switch (body->state) {
	case HTTP1_BODY_DONE:
		return 0;
	case HTTP1_BODY_TRAILERS:
		return feed_trailers(body, bytes, len);
	case HTTP1_BODY_DATA:
		return (ssize_t)take_data(body, bytes, min_of(len, data_max), ret);
	case HTTP1_BODY_ENDLESS:
		ret->len = min_of(len, data_max);
		return (ssize_t)ret->len;
	case HTTP1_BODY_SIZE:
		r = feed_size(body, bytes[0]);
		break;
	case HTTP1_BODY_SIZE_LF:
		r = feed_size_lf(body, bytes[0]);
		break;
	case HTTP1_BODY_DATA_CR:
		r = expect(body, bytes[0], '\r', HTTP1_BODY_DATA_LF);
		break;
	case HTTP1_BODY_DATA_LF:
		r = expect(body, bytes[0], '\n', HTTP1_BODY_SIZE);
		break;
	}
	return r < 0 ? r : 1;
}

int http1_body_trailers(const struct http1_body *body, struct http_fields *ret)
{
	struct http_fields trailers;
	int r;

	http_fields_init(&trailers);
	if (body->trailers.is_complete) {
		r = http1_section_fields(&body->trailers, 0, &trailers);
		if (r == 0)
			r = http_trailers_check(&trailers) < 0 ? -EPROTO : 0;
		if (r < 0) {
			http_fields_finish(&trailers);
			return r;
		}
	}
	*ret = trailers;
	return 0;
}
