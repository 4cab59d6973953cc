/* Both ends of host and guest cut frames and decode them like this; what decodes must encode. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/fuzz/fuzz.h"
#include "wire/guest.h"

static void encode_again(const struct guest_message *message)
{
	autocall(buf_finish) struct buf buf;
	autocall(guest_message_finish) struct guest_message again = { 0 };
	struct frame frame;

	buf_init(&buf, 2 * FRAME_PAYLOAD_MAX);
	if (guest_message_append(&buf, message) < 0)
		abort();
	if (frame_parse(buf.data, buf.len, &frame) != (int)buf.len)
		abort();
	if (guest_message_decode(&frame, &again) < 0)
		abort();
	if (again.args_count != message->args_count || again.env_count != message->env_count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame;
	int n;

	while ((n = frame_parse(data, size, &frame)) > 0) {
		autocall(guest_message_finish) struct guest_message message = { 0 };

		if (guest_message_decode(&frame, &message) == 0)
			encode_again(&message);
		data += n;
		size -= (size_t)n;
	}
	return 0;
}
