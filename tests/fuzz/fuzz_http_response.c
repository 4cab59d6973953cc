/*
 * The receiving end of HTTP. The first byte says in which pieces the rest
 * comes; whatever the pieces, the outcome must be the same.
 */
#include "base/buf.h"
#include "base/check.h"
#include "sbx/http.h"
#include "tests/fuzz/fuzz.h"

enum { BODY_MAX = 1 << 16 };

struct outcome {
	int head; /* what http_head_parse() said at last */
	ssize_t failed;
	enum http_body_state state;
	struct buf body;
};

static void receive(const uint8_t *bytes, size_t len, size_t step, struct outcome *ret)
{
	struct http_head head;
	struct http_body decoder;
	size_t start, end = 0;

	*ret = (struct outcome){ .state = HTTP_BODY_DONE };
	buf_init(&ret->body, BODY_MAX);
	while (ret->head == 0 && end < len) {
		end = min_of(end + step, len);
		ret->head = http_head_parse(bytes, end, &head);
	}
	if (ret->head <= 0)
		return;
	start = (size_t)ret->head;
	http_body_init(&decoder, &head);
	for (;;) {
		ssize_t n = http_body_feed(&decoder, bytes + start, end - start, &ret->body);

		if (n < 0) {
			ret->failed = n;
			break;
		}
		start += (size_t)n;
		if (end == len)
			break;
		end = min_of(end + step, len);
	}
	ret->state = decoder.state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces;

	if (size < 1)
		return 0;
	receive(data + 1, size - 1, size, &whole);
	receive(data + 1, size - 1, (size_t)data[0] + 1, &pieces);
	if ((whole.head > 0) != (pieces.head > 0) ||
	    (whole.head > 0 && (whole.head != pieces.head || whole.failed != pieces.failed)))
		__builtin_trap();
	if (whole.head > 0 && whole.failed == 0 &&
	    (whole.state != pieces.state || whole.body.len != pieces.body.len))
		__builtin_trap();
	buf_finish(&whole.body);
	buf_finish(&pieces.body);
	return 0;
}
