/*
 * A server's end of HTTP/1. The first byte says in which pieces the rest comes and
 * whether to a proxy. Whatever the pieces, the same is understood; and what was
 * understood, said again by a client, is understood the same: one request, of the
 * same bytes of head.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http/http1.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/http/record.h"

enum { WIRE_MAX = 1 << 21 };

static bool is_proxy;

static struct http_codec *create(enum http_side side, const struct http_events *events,
				 struct record *record)
{
	struct http1_config config = { .side = side,
				       .scheme = "http",
				       .is_proxy = is_proxy,
				       .events = events,
				       .owner = record };
	struct http_codec *codec = NULL;

	record_init(record);
	if (http1_create(&config, &codec) < 0)
		__builtin_trap();
	return codec;
}

/* The log of one request, as a server understands it that reads what a client wrote. */
static void say_again(const struct http_request *request, bool has_body, struct buf *ret)
{
	struct record said, understood;
	struct http_codec *client = create(HTTP_CLIENT, &record_events, &said);
	struct http_codec *server = create(HTTP_SERVER, &record_events, &understood);
	struct buf wire;

	buf_init(&wire, WIRE_MAX);
	if (http_open(client, request, has_body, NULL) == NULL)
		__builtin_trap();
	record_drain(client, &wire);
	if (record_feed(server, wire.data, wire.len, wire.len) != (ssize_t)wire.len ||
	    understood.requests != 1)
		__builtin_trap();
	(void)buf_append(ret, understood.log.data, understood.log.len);
	http_destroy(client);
	http_destroy(server);
	record_finish(&said);
	record_finish(&understood);
	buf_finish(&wire);
}

static void on_request(void *owner, struct http_stream *stream, struct http_request *request,
		       bool has_body)
{
	struct record *record = owner;
	size_t start = record->log.len;
	struct buf again;

	/* What a client adds itself must still fit. */
	if (request->fields.count > HTTP_FIELDS_MAX - 4) {
		record_events.request(owner, stream, request, has_body);
		return;
	}
	buf_init(&again, WIRE_MAX);
	/* A stated length of none is not said for every method; nothing depends on it. */
	if (!has_body)
		request->content_length = 0;
	say_again(request, has_body, &again);
	record_events.request(owner, stream, request, has_body);
	if (again.len > record->log.len - start ||
	    memcmp(again.data, record->log.data + start, again.len) != 0)
		__builtin_trap();
	buf_finish(&again);
}

struct outcome {
	struct record record;
	struct buf said;
	bool failed;
};

static void receive(const uint8_t *bytes, size_t len, size_t step, struct outcome *ret)
{
	struct http_events events = record_events;
	struct http_codec *codec;
	size_t taken = 0, before;

	events.request = on_request;
	codec = create(HTTP_SERVER, &events, &ret->record);
	ret->record.answers = true;
	ret->failed = false;
	buf_init(&ret->said, WIRE_MAX);
	do {
		ssize_t n = record_feed(codec, bytes + taken, len - taken, step);

		before = ret->said.len;
		record_drain(codec, &ret->said);
		ret->failed |= n < 0;
		taken += n > 0 ? (size_t)n : 0;
	} while (!ret->failed && (taken < len && ret->said.len > before));
	http_input_end(codec);
	record_drain(codec, &ret->said);
	http_destroy(codec);
	if (ret->record.stream != NULL)
		__builtin_trap();
}

static bool is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces;

	if (size < 1)
		return 0;
	is_proxy = (data[0] & 0x80) != 0;
	receive(data + 1, size - 1, size, &whole);
	receive(data + 1, size - 1, (size_t)(data[0] & 0x7f) + 1, &pieces);
	if (whole.failed != pieces.failed || whole.record.requests != pieces.record.requests ||
	    !is_same(&whole.said, &pieces.said) ||
	    !is_same(&whole.record.body, &pieces.record.body))
		__builtin_trap();
	record_finish(&whole.record);
	record_finish(&pieces.record);
	buf_finish(&whole.said);
	buf_finish(&pieces.said);
	return 0;
}
