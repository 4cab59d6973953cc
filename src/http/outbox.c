#include "http/outbox.h"

#include <string.h>

#include "base/check.h"

void outbox_init(struct outbox *outbox, size_t max)
{
	*outbox = (struct outbox){ .start = 0 };
	buf_init(&outbox->bytes, 2 * max);
}

void outbox_finish(struct outbox *outbox)
{
	if (outbox->has_secret && outbox->bytes.len > 0)
		explicit_bzero(outbox->bytes.data, outbox->bytes.len);
	buf_finish(&outbox->bytes);
	outbox->start = 0;
	outbox->has_secret = false;
}

/*
 * What was taken is forgotten when it is no less than what is left: each byte
 * moves once at most, and both together stay below twice the maximum, also of a
 * box that is never empty.
 */
static void compact(struct outbox *outbox)
{
	size_t start = outbox->start;

	if (start < outbox_len(outbox))
		return;
	buf_consume(&outbox->bytes, start);
	if (outbox->has_secret)
		explicit_bzero(outbox->bytes.data + outbox->bytes.len, start);
	outbox->start = 0;
}

size_t outbox_take(struct outbox *outbox, uint8_t *to, size_t room)
{
	size_t len = min_of(outbox_len(outbox), room);

	if (len == 0)
		return 0;
	memcpy(to, outbox->bytes.data + outbox->start, len);
	outbox->start += len;
	if (outbox_len(outbox) == 0)
		outbox_finish(outbox);
	else
		compact(outbox);
	return len;
}
