#include "wire/frame.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

int frame_parse(const uint8_t *bytes, size_t len, struct frame *ret)
{
	uint32_t payload_len;

	if (len < FRAME_HEADER_SIZE)
		return 0;
	payload_len = le32_load(bytes);
	if (payload_len > FRAME_PAYLOAD_MAX || le16_load(bytes + 6) != 0)
		return -EPROTO;
	if (len - FRAME_HEADER_SIZE < payload_len)
		return 0;
	*ret = (struct frame){ .type = le16_load(bytes + 4),
			       .payload = bytes + FRAME_HEADER_SIZE,
			       .len = payload_len };
	return FRAME_HEADER_SIZE + (int)payload_len;
}

int frame_append(struct buf *buf, uint16_t type, const void *payload, size_t len)
{
	uint8_t *to;

	if (len > FRAME_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (FRAME_HEADER_SIZE + len > buf->max - buf->len)
		return -ENOBUFS;
	to = buf_reserve(buf, FRAME_HEADER_SIZE + len);
	if (to == NULL)
		return -ENOMEM;
	le32_store(to, (uint32_t)len);
	le16_store(to + 4, type);
	le16_store(to + 6, 0);
	if (len > 0)
		memcpy(to + FRAME_HEADER_SIZE, payload, len);
	buf->len += FRAME_HEADER_SIZE + len;
	return 0;
}
