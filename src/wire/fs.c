#include "wire/fs.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "wire/tlv.h"

enum { PAYLOAD_MAX = FS_NAME_MAX + FS_TEXT_MAX + 64 };

int fs_name_is_valid(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= FS_NAME_MAX && name[0] != '.' && strspn(name, allowed) == len;
}

/* Copies a string of at most max bytes; to holds max + 1. */
static int decode_string(const struct tlv *tlv, size_t max, char *to)
{
	if (tlv->len > max || memchr(tlv->value, '\0', tlv->len) != NULL)
		return -EPROTO;
	memcpy(to, tlv->value, tlv->len);
	to[tlv->len] = '\0';
	return 0;
}

static int decode_field(const struct tlv *tlv, struct fs_message *to)
{
	switch (tlv->tag) {
	case FS_TAG_NAME:
		return decode_string(tlv, FS_NAME_MAX, to->name);
	case FS_TAG_FLAGS:
		return tlv_u32(tlv, &to->flags);
	case FS_TAG_ERRNO:
		return tlv_u32(tlv, &to->error);
	case FS_TAG_TEXT:
		return decode_string(tlv, FS_TEXT_MAX, to->text);
	default: /* a newer peer may say more */
		return 0;
	}
}

static int check_type(uint16_t type)
{
	return type == FS_MOUNT || type == FS_UNMOUNT || type == FS_OK || type == FS_ERROR
		       ? 0
		       : -EPROTO;
}

int fs_message_decode(const struct frame *frame, struct fs_message *ret)
{
	struct fs_message message = { 0 };
	const uint8_t *bytes = frame->payload;
	size_t len = frame->len;
	struct tlv tlv;
	int r = check_type(frame->type);

	if (r < 0)
		return r;
	message.type = (enum fs_type)frame->type;
	while ((r = tlv_next(&bytes, &len, &tlv)) > 0) {
		r = decode_field(&tlv, &message);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if ((message.type == FS_MOUNT || message.type == FS_UNMOUNT) &&
	    !fs_name_is_valid(message.name))
		return -EPROTO;
	*ret = message;
	return 0;
}

static int put_fields(struct buf *to, const struct fs_message *message)
{
	int r = 0;

	if (message->name[0] != '\0')
		r = tlv_put_string(to, FS_TAG_NAME, message->name);
	if (r == 0 && message->flags != 0)
		r = tlv_put_u32(to, FS_TAG_FLAGS, message->flags);
	if (r == 0 && message->error != 0)
		r = tlv_put_u32(to, FS_TAG_ERRNO, message->error);
	if (r == 0 && message->text[0] != '\0')
		r = tlv_put_string(to, FS_TAG_TEXT, message->text);
	return r;
}

int fs_message_append(struct buf *buf, const struct fs_message *message)
{
	struct buf payload;
	int r;

	buf_init(&payload, PAYLOAD_MAX);
	r = put_fields(&payload, message);
	if (r == 0)
		r = frame_append(buf, (uint16_t)message->type, payload.data, payload.len);
	buf_finish(&payload);
	return r;
}
