#include "wire/vsock.h"

#include <errno.h>

#include "base/bytes.h"

void vsock_ask_encode(const struct vsock_ask_message *message, uint8_t to[VSOCK_ASK_SIZE])
{
	le32_store(to, VSOCK_ASK_MAGIC);
	le16_store(to + 4, (uint16_t)message->ask);
	le16_store(to + 6, message->flags);
	le32_store(to + 8, message->port);
	le32_store(to + 12, 0);
}

/* What each ask may carry; an unknown one carries nothing and is wrong. */
static int check_ask(const struct vsock_ask_message *message)
{
	switch (message->ask) {
	case VSOCK_CONNECT:
		return (message->flags & ~(unsigned)VSOCK_FLAG_SESSION) == 0 ? 0 : -EPROTO;
	case VSOCK_EVENTS:
		return message->flags == 0 && message->port == 0 ? 0 : -EPROTO;
	}
	return -EPROTO;
}

int vsock_ask_decode(const uint8_t from[VSOCK_ASK_SIZE], struct vsock_ask_message *ret)
{
	const struct vsock_ask_message message = {
		.ask = (enum vsock_ask)le16_load(from + 4),
		.flags = le16_load(from + 6),
		.port = le32_load(from + 8),
	};

	if (le32_load(from) != VSOCK_ASK_MAGIC || le32_load(from + 12) != 0 ||
	    check_ask(&message) < 0)
		return -EPROTO;
	*ret = message;
	return 0;
}

void vsock_event_encode(enum vsock_event event, uint32_t value, uint8_t to[VSOCK_EVENT_SIZE])
{
	le32_store(to, (uint32_t)event);
	le32_store(to + 4, value);
}

/* -EPROTO for a number that is no event, or a value that the event does not have. */
static int check_event(enum vsock_event event, uint32_t value)
{
	switch (event) {
	case VSOCK_EVENT_READY:
		return value == 0 ? 0 : -EPROTO;
	case VSOCK_EVENT_SESSIONS:
		return 0;
	}
	return -EPROTO;
}

int vsock_event_decode(const uint8_t from[VSOCK_EVENT_SIZE], enum vsock_event *ret_event,
		       uint32_t *ret_value)
{
	enum vsock_event event = (enum vsock_event)le32_load(from);
	uint32_t value = le32_load(from + 4);

	if (check_event(event, value) < 0)
		return -EPROTO;
	*ret_event = event;
	*ret_value = value;
	return 0;
}
