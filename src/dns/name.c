#include "dns/name.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { POINTER = 0xc0, POINTER_MASK = 0x3fff };

/* A name while it is read. */
struct reader {
	const uint8_t *bytes;
	size_t len;
	size_t at;    /* of the next label or pointer */
	size_t start; /* of the part being read: a pointer must go before it */
	size_t taken; /* bytes at the first place; 0: the first pointer is not met yet */
	unsigned hops;
	char *text;
	size_t text_len;
	bool is_valid; /* no strange bytes so far */
};

static bool is_host_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static int add_label(struct reader *reader, const uint8_t *label, size_t len)
{
	size_t dot = reader->text_len > 0;

	if (len + dot > DNS_NAME_MAX - reader->text_len)
		return -EPROTO;
	if (dot > 0)
		reader->text[reader->text_len++] = '.';
	for (size_t i = 0; i < len; i++) {
		uint8_t c = label[i];

		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c + ('a' - 'A'));
		reader->is_valid &= is_host_byte(c);
		reader->text[reader->text_len++] = (char)c;
	}
	return 0;
}

static int follow(struct reader *reader, size_t origin)
{
	size_t to;

	if (reader->len - reader->at < 2 || ++reader->hops > DNS_HOPS_MAX)
		return -EPROTO;
	to = ((size_t)reader->bytes[reader->at] << 8 | reader->bytes[reader->at + 1]) &
	     POINTER_MASK;
	if (to >= reader->start || to < DNS_HEADER_SIZE)
		return -EPROTO;
	if (reader->taken == 0)
		reader->taken = reader->at + 2 - origin;
	reader->start = reader->at = to;
	return 0;
}

/* One label or pointer: 1 when there is more, 0 at the end of the name. */
static int step(struct reader *reader, size_t origin)
{
	size_t len;
	int r;

	if (reader->at >= reader->len)
		return -EPROTO;
	len = reader->bytes[reader->at];
	if ((len & POINTER) == POINTER) {
		r = follow(reader, origin);
		return r < 0 ? r : 1;
	}
	if (len > DNS_LABEL_MAX || len >= reader->len - reader->at)
		return -EPROTO;
	r = len == 0 ? 0 : add_label(reader, reader->bytes + reader->at + 1, len);
	reader->at += 1 + len;
	return r < 0 ? r : len > 0;
}

int dns_name_read(const uint8_t *bytes, size_t len, size_t offset, char ret[DNS_NAME_MAX + 1],
		  size_t *ret_len)
{
	char text[DNS_NAME_MAX + 1];
	struct reader reader = { .bytes = bytes,
				 .len = len,
				 .at = offset,
				 .start = offset,
				 .text = text,
				 .is_valid = true };
	int r;

	while ((r = step(&reader, offset)) > 0)
		;
	if (r < 0)
		return r;
	if (reader.taken == 0)
		reader.taken = reader.at - offset;
	if (ret_len != NULL)
		*ret_len = reader.taken;
	if (!reader.is_valid)
		return -EINVAL;
	memcpy(ret, text, reader.text_len);
	ret[reader.text_len] = '\0';
	return (int)reader.taken;
}

int dns_name_write(const char *name, uint8_t to[DNS_WIRE_NAME_MAX])
{
	size_t at = 0;

	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		if (len == 0 || len > DNS_LABEL_MAX || len + 2 > DNS_WIRE_NAME_MAX - at)
			return -EINVAL;
		to[at++] = (uint8_t)len;
		memcpy(to + at, name, len);
		at += len;
		name += len;
		if (*name == '.' && *++name == '\0')
			return -EINVAL;
	}
	to[at++] = 0;
	return (int)at;
}
