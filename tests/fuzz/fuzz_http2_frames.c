/*
 * A server's end of HTTP/2. After the preface, the input is frames: the first byte
 * says in which pieces they come. Whatever request comes out is one request, and
 * the same, when it is said again in HTTP/1 (downgrade smuggling); and all that
 * was begun ends.
 */
#include <string.h>

#include "http2/http2.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/http/again.h"

enum { SAID_MAX = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct record record;
	struct http_events events;
	struct http2_config config = {
		.side = HTTP_SERVER, .scheme = "https", .events = &events, .owner = &record
	};
	struct http_codec *codec;
	struct buf said;

	if (size < 1)
		return 0;
	again_events(&events);
	record_init(&record);
	record.answers = true;
	record.scheme = config.scheme;
	buf_init(&said, SAID_MAX);
	if (http2_create(&config, &codec) < 0)
		__builtin_trap();
	(void)record_feed(codec, preface, sizeof(preface) - 1, sizeof(preface));
	(void)record_feed(codec, data + 1, size - 1, (size_t)data[0] + 1);
	record_drain(codec, &said);
	http_input_end(codec);
	record_drain(codec, &said);
	if (!http_is_done(codec) || record.gone != record.requests)
		__builtin_trap();
	http_destroy(codec);
	record_finish(&record);
	buf_finish(&said);
	return 0;
}
