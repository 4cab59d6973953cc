/* sbx-net is told and tells in such frames; what decodes must encode, and decode to the same. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/fuzz/fuzz.h"
#include "wire/net.h"

static void message_again(const struct net_message *message)
{
	autocall(net_message_finish) struct net_message back = { 0 };
	autocall(buf_finish) struct buf first, second;
	struct frame frame;

	buf_init(&first, 2 * FRAME_PAYLOAD_MAX);
	buf_init(&second, 2 * FRAME_PAYLOAD_MAX);
	if (net_message_append(&first, message) < 0 ||
	    frame_parse(first.data, first.len, &frame) != (int)first.len ||
	    net_message_decode(&frame, &back) < 0 || net_message_append(&second, &back) < 0)
		abort();
	if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
		abort();
}

static void verdict_again(const struct net_verdict *verdict)
{
	autocall(net_verdict_finish) struct net_verdict back = { 0 };
	autocall(buf_finish) struct buf buf;
	struct frame frame;

	buf_init(&buf, 2 * FRAME_PAYLOAD_MAX);
	if (net_verdict_append(&buf, NET_VERDICT, verdict) < 0 ||
	    frame_parse(buf.data, buf.len, &frame) != (int)buf.len ||
	    net_verdict_decode(&frame, &back) < 0)
		abort();
	if (back.count != verdict->count || back.port != verdict->port ||
	    (back.name == NULL) != (verdict->name == NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame;
	int n;

	while ((n = frame_parse(data, size, &frame)) > 0) {
		autocall(net_message_finish) struct net_message message = { 0 };
		autocall(net_verdict_finish) struct net_verdict verdict = { 0 };

		if (net_message_decode(&frame, &message) == 0)
			message_again(&message);
		if (net_verdict_decode(&frame, &verdict) == 0)
			verdict_again(&verdict);
		data += n;
		size -= (size_t)n;
	}
	return 0;
}
