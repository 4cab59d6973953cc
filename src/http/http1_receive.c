/* What comes in: heads, bodies, raw bytes and the end. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "http/http1_codec.h"

/* The peer broke HTTP: tell it if it can still be told, then hear no more. */
static int broken(struct http1 *http1, const struct http1_refusal *refusal)
{
	const struct http_codec *codec = &http1->codec;
	bool had_stream = http1->has_stream && !http1->is_cut;

	if (codec->side == HTTP_SERVER)
		http1_reject(http1, refusal);
	http1_abandon(http1);
	http1_section_clear(&http1->head);
	codec->events->broken(codec->owner, refusal->why);
	if (had_stream)
		codec->events->cut(codec->owner, &http1->stream, HTTP_CUT_MALFORMED);
	return -EPROTO;
}

static int broken_by(struct http1 *http1, unsigned status, const char *why)
{
	return broken(http1, &(struct http1_refusal){ .status = status, .why = why });
}

/* What must be answered before anything else is read: its answer may turn the stream raw. */
static bool waits_for_answer(const struct http_request *request)
{
	return request->upgrade != NULL || request->path == NULL;
}

static int receive_request(struct http1 *http1)
{
	autocall(http_request_finish) struct http_request request;
	const struct http_codec *codec = &http1->codec;
	struct http1_head head;
	int r;

	http_request_init(&request);
	r = http1_request_parse(&http1->head, http1->scheme, http1->is_proxy, &request, &head);
	http1_section_clear(&http1->head);
	if (r == -EPROTO)
		return broken(http1, &head.refusal);
	if (r == 0)
		r = http1_begin(http1, &request);
	if (r < 0)
		return r;
	http1->persists = head.persists;
	http1->is_old = head.is_old;
	http1->awaits_continue = request.expects_continue;
	http1_body_init(&http1->body, head.framing, (uint64_t)request.content_length);
	http1->in = head.framing == HTTP1_NONE || waits_for_answer(&request) ? HTTP1_IN_FULL
									     : HTTP1_IN_BODY;
	codec->events->request(codec->owner, &http1->stream, &request, head.framing != HTTP1_NONE);
	return 0;
}

/* An answer that turns the exchange raw on both sides. */
static bool turns_raw(const struct http1 *http1, unsigned status)
{
	return status == 101 || (strcmp(http1->method, "CONNECT") == 0 && status / 100 == 2);
}

/* Where the bytes after a response head belong. */
static void enter_response(struct http1 *http1, const struct http_response *response,
			   const struct http1_head *head)
{
	if (turns_raw(http1, response->status)) {
		http1->in = HTTP1_IN_RAW;
		http1->out = HTTP1_OUT_RAW;
		http1->persists = false;
		return;
	}
	if (response->status < 200)
		return;
	http1_body_init(&http1->body, head->framing, (uint64_t)response->content_length);
	http1->in = head->framing == HTTP1_NONE ? HTTP1_IN_FULL : HTTP1_IN_BODY;
	/* An answer before the request was all said: nobody knows where the next would begin. */
	http1->persists = head->persists && http1->out == HTTP1_OUT_DONE;
}

static int receive_response(struct http1 *http1)
{
	autocall(http_response_finish) struct http_response response;
	const struct http_codec *codec = &http1->codec;
	struct http1_head head;
	int r;

	http_response_init(&response, 0);
	r = http1_response_parse(&http1->head, http1->method, http1->upgrade, &response, &head);
	http1_section_clear(&http1->head);
	if (r == -EPROTO)
		return broken(http1, &head.refusal);
	if (r < 0)
		return r;
	if (response.status < 200 && ++http1->informational > HTTP1_INFORMATIONAL_MAX)
		return broken_by(http1, 502, "the response never becomes final");
	enter_response(http1, &response, &head);
	codec->events->response(codec->owner, &http1->stream, &response,
				head.framing != HTTP1_NONE);
	return 0;
}

static ssize_t receive_head(struct http1 *http1, const uint8_t *bytes, size_t len)
{
	bool is_server = http1->codec.side == HTTP_SERVER;
	ssize_t n;
	int r;

	if (!is_server && !http1->has_stream)
		return broken_by(http1, 502, "there is a response to no request");
	n = http1_section_feed(&http1->head, bytes, len);
	if (n == -EPROTO)
		return broken_by(http1, 400, "a line of the head does not end in CRLF");
	if (n == -EMSGSIZE)
		return broken_by(http1, 431, "the head is too large");
	if (n < 0 || !http1->head.is_complete)
		return n;
	r = is_server ? receive_request(http1) : receive_response(http1);
	return r < 0 ? r : n;
}

/* A request's body after its answer: nobody wants it, but it must pass. */
static bool is_swallowing(const struct http1 *http1)
{
	return http1->codec.side == HTTP_SERVER && http1->out == HTTP1_OUT_DONE;
}

static void deliver(struct http1 *http1, const struct http1_piece *piece)
{
	if (piece->len == 0)
		return;
	http1->awaits_continue = false;
	http1->unconsumed += piece->len;
	http1->codec.events->data(http1->codec.owner, &http1->stream, piece->bytes, piece->len);
}

static int receive_body_end(struct http1 *http1)
{
	autocall(http_fields_finish) struct http_fields trailers;
	int r;

	http_fields_init(&trailers);
	r = http1_body_trailers(&http1->body, &trailers);
	if (r == -EPROTO || r == -E2BIG)
		return broken_by(http1, 400, "the trailers are malformed");
	if (r < 0)
		return r;
	http1->in = HTTP1_IN_FULL;
	if (!is_swallowing(http1))
		http1->codec.events->end(http1->codec.owner, &http1->stream, &trailers);
	return 0;
}

static void swallow(struct http1 *http1, size_t len)
{
	http1->swallowed += len;
	if (http1->swallowed > HTTP1_SWALLOW_MAX)
		http1_abandon(http1);
}

static ssize_t receive_body(struct http1 *http1, const uint8_t *bytes, size_t len)
{
	bool swallows = is_swallowing(http1);
	size_t window = swallows ? len : HTTP1_WINDOW - http1->unconsumed;
	struct http1_piece piece;
	ssize_t n = http1_body_feed(&http1->body, bytes, len, window, &piece);
	int r;

	if (n == -EPROTO)
		return broken_by(http1, 400, "the chunks of the body are malformed");
	if (n == -EMSGSIZE)
		return broken_by(http1, 431, "the trailers are too large");
	if (n <= 0)
		return n;
	if (swallows)
		swallow(http1, (size_t)n);
	else
		deliver(http1, &piece);
	if (http1->in != HTTP1_IN_BODY || http1->body.state != HTTP1_BODY_DONE)
		return n;
	r = receive_body_end(http1);
	return r < 0 ? r : n;
}

static ssize_t receive_raw(struct http1 *http1, const uint8_t *bytes, size_t len)
{
	struct http1_piece piece = { .bytes = bytes,
				     .len = min_of(len, HTTP1_WINDOW - http1->unconsumed) };

	deliver(http1, &piece);
	return (ssize_t)piece.len;
}

static ssize_t receive_some(struct http1 *http1, const uint8_t *bytes, size_t len)
{
	switch (http1->in) {
	case HTTP1_IN_HEAD:
		return receive_head(http1, bytes, len);
	case HTTP1_IN_BODY:
		return receive_body(http1, bytes, len);
	case HTTP1_IN_FULL:
		return 0;
	case HTTP1_IN_RAW:
		return receive_raw(http1, bytes, len);
	case HTTP1_IN_DEAF:
		return (ssize_t)len;
	}
	return -EPROTO;
}

ssize_t http1_receive(struct http1 *http1, const uint8_t *bytes, size_t len)
{
	size_t taken = 0;

	while (taken < len) {
		ssize_t n = receive_some(http1, bytes + taken, len - taken);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		taken += (size_t)n;
	}
	return (ssize_t)taken;
}

static void cut_by_end(struct http1 *http1)
{
	bool is_told = http1->has_stream && !is_swallowing(http1);

	http1_abandon(http1);
	if (is_told)
		http1->codec.events->cut(http1->codec.owner, &http1->stream, HTTP_CUT_CLOSED);
}

static void end_raw(struct http1 *http1)
{
	struct http_fields none;

	http_fields_init(&none);
	http1->in = HTTP1_IN_FULL;
	http1->codec.events->end(http1->codec.owner, &http1->stream, &none);
}

void http1_receive_end(struct http1 *http1)
{
	http1->persists = false;
	http1->is_closing = true;
	switch (http1->in) {
	case HTTP1_IN_HEAD:
		if (http1->has_stream)
			cut_by_end(http1);
		http1->in = HTTP1_IN_DEAF;
		break;
	case HTTP1_IN_BODY:
		if (http1->body.state != HTTP1_BODY_ENDLESS) {
			cut_by_end(http1);
			break;
		}
		http1->body.state = HTTP1_BODY_DONE;
		(void)receive_body_end(http1);
		break;
	case HTTP1_IN_RAW:
		end_raw(http1);
		break;
	case HTTP1_IN_FULL:
	case HTTP1_IN_DEAF:
		break;
	}
}
