#include "wire/vsock.h"

#include <errno.h>

#include "base/bytes.h"
#include "tests/unit/test.h"

TEST(asks_come_back)
{
	const struct vsock_ask_message asks[] = {
		{ .ask = VSOCK_CONNECT, .flags = VSOCK_FLAG_SESSION, .port = 0xfffffffe },
		{ .ask = VSOCK_CONNECT, .port = 1 },
		{ .ask = VSOCK_EVENTS },
	};

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		struct vsock_ask_message back = { .ask = VSOCK_EVENTS };
		uint8_t bytes[VSOCK_ASK_SIZE];

		vsock_ask_encode(&asks[i], bytes);
		CHECK_EQ(vsock_ask_decode(bytes, &back), 0);
		CHECK_EQ(back.ask, asks[i].ask);
		CHECK_EQ(back.flags, asks[i].flags);
		CHECK_EQ(back.port, asks[i].port);
	}
}

/* One wrong byte anywhere that is not the port or the session flag. */
TEST(wrong_asks_are_refused)
{
	const struct vsock_ask_message ask = { .ask = VSOCK_CONNECT, .port = 7 };
	struct vsock_ask_message back;

	for (int at = 0; at < VSOCK_ASK_SIZE; at++) {
		uint8_t bytes[VSOCK_ASK_SIZE];

		vsock_ask_encode(&ask, bytes);
		bytes[at] ^= 0x82;
		CHECK_EQ(vsock_ask_decode(bytes, &back), at >= 8 && at < 12 ? 0 : -EPROTO);
	}
}

TEST(events_ask_for_nothing_else)
{
	struct vsock_ask_message back;
	uint8_t bytes[VSOCK_ASK_SIZE];

	vsock_ask_encode(&(struct vsock_ask_message){ .ask = VSOCK_EVENTS, .port = 1 }, bytes);
	CHECK_EQ(vsock_ask_decode(bytes, &back), -EPROTO);
	vsock_ask_encode(&(struct vsock_ask_message){ .ask = VSOCK_EVENTS, .flags = 1 }, bytes);
	CHECK_EQ(vsock_ask_decode(bytes, &back), -EPROTO);
}

TEST(events_come_back)
{
	enum vsock_event event = VSOCK_EVENT_READY;
	uint8_t bytes[VSOCK_EVENT_SIZE];
	uint32_t value = 0;

	vsock_event_encode(VSOCK_EVENT_SESSIONS, 20, bytes);
	CHECK_EQ(vsock_event_decode(bytes, &event, &value), 0);
	CHECK_EQ(event, VSOCK_EVENT_SESSIONS);
	CHECK_EQ(value, 20);
	vsock_event_encode(VSOCK_EVENT_READY, 0, bytes);
	CHECK_EQ(vsock_event_decode(bytes, &event, &value), 0);
	CHECK_EQ(event, VSOCK_EVENT_READY);
	bytes[7] = 1;
	CHECK_EQ(vsock_event_decode(bytes, &event, &value), -EPROTO);
	le32_store(bytes, 3);
	CHECK_EQ(vsock_event_decode(bytes, &event, &value), -EPROTO);
}

TEST_MAIN()
