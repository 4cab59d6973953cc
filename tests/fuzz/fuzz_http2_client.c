/*
 * A client's end of HTTP/2 that asked three things (with a body, without, HEAD). After
 * the server's SETTINGS, the input is frames: the first byte says in which pieces
 * they come. All that was begun ends.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http2/http2.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/http/record.h"

enum { SAID_MAX = 8 << 20 };

static void open_one(struct http_codec *codec, const char *method, bool has_body)
{
	struct http_request request;
	struct http_stream *stream;

	http_request_init(&request);
	memcpy(request.method, method, strlen(method) + 1);
	request.scheme = strdup("https");
	request.authority = strdup("a.example");
	request.path = strdup("/");
	stream = http_open(codec, &request, has_body, NULL);
	if (stream == NULL)
		__builtin_trap();
	if (has_body)
		(void)http_send(stream, (const uint8_t *)"body", 4);
	http_request_finish(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = { "POST", "GET", "HEAD" };
	static const uint8_t settings[] = { 0, 0, 0, 4, 0, 0, 0, 0, 0 };
	struct record record;
	struct http2_config config = {
		.side = HTTP_CLIENT, .scheme = "https", .events = &record_events, .owner = &record
	};
	struct http_codec *codec;
	struct buf said;

	if (size < 1)
		return 0;
	record_init(&record);
	buf_init(&said, SAID_MAX);
	if (http2_create(&config, &codec) < 0)
		__builtin_trap();
	for (size_t i = 0; i < countof(methods); i++)
		open_one(codec, methods[i], i == 0);
	record_drain(codec, &said);
	(void)record_feed(codec, settings, sizeof(settings), sizeof(settings));
	(void)record_feed(codec, data + 1, size - 1, (size_t)data[0] + 1);
	record_drain(codec, &said);
	http_input_end(codec);
	record_drain(codec, &said);
	if (!http_is_done(codec) || record.gone != countof(methods))
		__builtin_trap();
	http_destroy(codec);
	record_finish(&record);
	buf_finish(&said);
	return 0;
}
