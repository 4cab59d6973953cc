#include "wire/tlv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

enum { TLV_HEADER_SIZE = 8 };

int tlv_next(const uint8_t **bytes, size_t *len, struct tlv *ret)
{
	uint32_t value_len;

	if (*len == 0)
		return 0;
	if (*len < TLV_HEADER_SIZE)
		return -EPROTO;
	value_len = le32_load(*bytes + 4);
	if (le16_load(*bytes + 2) != 0 || value_len > *len - TLV_HEADER_SIZE)
		return -EPROTO;
	*ret = (struct tlv){ .tag = le16_load(*bytes),
			     .value = *bytes + TLV_HEADER_SIZE,
			     .len = value_len };
	*bytes += TLV_HEADER_SIZE + value_len;
	*len -= TLV_HEADER_SIZE + value_len;
	return 1;
}

int tlv_u32(const struct tlv *tlv, uint32_t *ret)
{
	if (tlv->len != sizeof(*ret))
		return -EPROTO;
	*ret = le32_load(tlv->value);
	return 0;
}

int tlv_u64(const struct tlv *tlv, uint64_t *ret)
{
	if (tlv->len != sizeof(*ret))
		return -EPROTO;
	*ret = le64_load(tlv->value);
	return 0;
}

int tlv_string(const struct tlv *tlv, size_t max, char **ret)
{
	char *copy;

	if (tlv->len > max || memchr(tlv->value, '\0', tlv->len) != NULL)
		return -EPROTO;
	copy = malloc(tlv->len + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, tlv->value, tlv->len);
	copy[tlv->len] = '\0';
	*ret = copy;
	return 0;
}

int tlv_put(struct buf *buf, uint16_t tag, const void *value, size_t len)
{
	uint8_t header[TLV_HEADER_SIZE];
	int r;

	if (len > UINT32_MAX)
		return -EMSGSIZE;
	if (buf->max - buf->len < TLV_HEADER_SIZE || buf->max - buf->len - TLV_HEADER_SIZE < len)
		return -ENOBUFS;
	le16_store(header, tag);
	le16_store(header + 2, 0);
	le32_store(header + 4, (uint32_t)len);
	r = buf_append(buf, header, sizeof(header));
	if (r < 0)
		return r;
	r = buf_append(buf, value, len);
	if (r < 0)
		buf->len -= sizeof(header);
	return r;
}

int tlv_put_u32(struct buf *buf, uint16_t tag, uint32_t value)
{
	uint8_t raw[sizeof(value)];

	le32_store(raw, value);
	return tlv_put(buf, tag, raw, sizeof(raw));
}

int tlv_put_u64(struct buf *buf, uint16_t tag, uint64_t value)
{
	uint8_t raw[sizeof(value)];

	le64_store(raw, value);
	return tlv_put(buf, tag, raw, sizeof(raw));
}

int tlv_put_string(struct buf *buf, uint16_t tag, const char *value)
{
	return tlv_put(buf, tag, value, strlen(value));
}
