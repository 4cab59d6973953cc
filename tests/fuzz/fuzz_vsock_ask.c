/* The first bytes of a connection to sbx-vsock, and its events: what decodes encodes the same. */
#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/vsock.h"

static void try_ask(const uint8_t *data)
{
	struct vsock_ask_message message;
	uint8_t again[VSOCK_ASK_SIZE];

	if (vsock_ask_decode(data, &message) < 0)
		return;
	vsock_ask_encode(&message, again);
	assert(memcmp(data, again, sizeof(again)) == 0);
}

static void try_event(const uint8_t *data)
{
	enum vsock_event event;
	uint32_t value;
	uint8_t again[VSOCK_EVENT_SIZE];

	if (vsock_event_decode(data, &event, &value) < 0)
		return;
	vsock_event_encode(event, value, again);
	assert(memcmp(data, again, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= VSOCK_ASK_SIZE)
		try_ask(data);
	if (size >= VSOCK_EVENT_SIZE)
		try_event(data);
	return 0;
}
