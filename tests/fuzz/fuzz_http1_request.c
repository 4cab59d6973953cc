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
#include "tests/unit/http/again.h"

enum { WIRE_MAX = 1 << 21 };

static bool is_proxy;

struct outcome {
	struct record record;
	struct buf said;
	bool failed;
};

static void receive(const uint8_t *bytes, size_t len, size_t step, struct outcome *ret)
{
	struct http_events events;
	struct http1_config config = { .side = HTTP_SERVER,
				       .scheme = "http",
				       .is_proxy = is_proxy,
				       .events = &events,
				       .owner = &ret->record };
	struct http_codec *codec;
	size_t taken = 0, before;

	again_events(&events);
	record_init(&ret->record);
	ret->record.scheme = config.scheme;
	ret->record.is_proxy = is_proxy;
	ret->record.answers = true;
	if (http1_create(&config, &codec) < 0)
		__builtin_trap();
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
