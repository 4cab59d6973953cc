/*
 * A client's end of HTTP/1. The first byte says in which pieces the rest comes,
 * the second what was asked. Whatever the pieces, the same is understood, and
 * the exchange always ends.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http/http1.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/http/record.h"

enum { WIRE_MAX = 1 << 21 };

static const char *const methods[] = { "GET", "HEAD", "CONNECT", "POST" };

static struct http_codec *create(enum http_side side, struct record *record)
{
	struct http1_config config = { .side = side,
				       .scheme = "http",
				       .is_proxy = true,
				       .events = &record_events,
				       .owner = record };
	struct http_codec *codec = NULL;

	record_init(record);
	if (http1_create(&config, &codec) < 0)
		__builtin_trap();
	return codec;
}

static void ask(struct http_codec *codec, uint8_t how, struct buf *said)
{
	struct http_request request;

	http_request_init(&request);
	(void)strncpy(request.method, methods[how % countof(methods)], HTTP_METHOD_MAX - 1);
	request.scheme = strdup("http");
	request.authority = strdup("a.example:443");
	if (strcmp(request.method, "CONNECT") != 0)
		request.path = strdup("/");
	if (strcmp(request.method, "GET") == 0 && how >= 0x80)
		request.upgrade = strdup("websocket");
	if (http_open(codec, &request, false, NULL) == NULL)
		__builtin_trap();
	http_request_finish(&request);
	record_drain(codec, said);
}

struct outcome {
	struct record record;
	struct buf asked, rest;
	bool failed;
};

static void receive(const uint8_t *bytes, size_t len, size_t step, uint8_t how, struct outcome *ret)
{
	struct http_codec *codec = create(HTTP_CLIENT, &ret->record);
	ssize_t n;

	buf_init(&ret->asked, WIRE_MAX);
	buf_init(&ret->rest, WIRE_MAX);
	ask(codec, how, &ret->asked);
	n = record_feed(codec, bytes, len, step);
	ret->failed = n < 0;
	if (n >= 0)
		http_input_end(codec);
	record_drain(codec, &ret->rest);
	if (!http_wants_output(codec) && ret->rest.len > 0)
		__builtin_trap();
	http_destroy(codec);
	if (ret->record.stream != NULL)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces;

	if (size < 2)
		return 0;
	receive(data + 2, size - 2, size, data[1], &whole);
	receive(data + 2, size - 2, (size_t)data[0] + 1, data[1], &pieces);
	if (whole.failed != pieces.failed || whole.record.responses != pieces.record.responses ||
	    (!whole.failed && whole.record.body.len != pieces.record.body.len))
		__builtin_trap();
	record_finish(&whole.record);
	record_finish(&pieces.record);
	buf_finish(&whole.asked);
	buf_finish(&whole.rest);
	buf_finish(&pieces.asked);
	buf_finish(&pieces.rest);
	return 0;
}
