#include "tar/header.h"

#include <errno.h>
#include <string.h>

enum { BASE256_MARK = 0x80, BASE256_NEGATIVE = 0x40 };

/* Where the fields are. */
struct field {
	size_t offset, len;
};

static const struct field at_name = { 0, 100 }, at_mode = { 100, 8 }, at_uid = { 108, 8 },
			  at_gid = { 116, 8 }, at_size = { 124, 12 }, at_mtime = { 136, 12 },
			  at_checksum = { 148, 8 }, at_kind = { 156, 1 }, at_link = { 157, 100 },
			  at_magic = { 257, 8 }, at_prefix = { 345, 155 };

bool tar_header_is_zero(const uint8_t block[TAR_BLOCK])
{
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		if (block[i] != 0)
			return false;
	}
	return true;
}

static int parse_base256(const uint8_t *bytes, size_t len, uint64_t *ret)
{
	uint64_t value = bytes[0] & (BASE256_NEGATIVE - 1);

	if ((bytes[0] & BASE256_NEGATIVE) != 0)
		return -EPROTO;
	for (size_t i = 1; i < len; i++) {
		if (value >> 56 != 0)
			return -EPROTO;
		value = value << 8 | bytes[i];
	}
	*ret = value;
	return 0;
}

/* Octal digits with blanks before and a blank or NUL behind; nothing at all is zero. */
static int parse_number(const uint8_t *block, struct field field, uint64_t *ret)
{
	const uint8_t *bytes = block + field.offset;
	uint64_t value = 0;
	size_t i = 0;

	if ((bytes[0] & BASE256_MARK) != 0)
		return parse_base256(bytes, field.len, ret);
	while (i < field.len && bytes[i] == ' ')
		i++;
	for (; i < field.len && bytes[i] >= '0' && bytes[i] <= '7'; i++)
		value = value << 3 | (uint64_t)(bytes[i] - '0');
	if (i < field.len && bytes[i] != ' ' && bytes[i] != '\0')
		return -EPROTO;
	*ret = value;
	return 0;
}

static int parse_small(const uint8_t *block, struct field field, uint32_t *ret)
{
	uint64_t value;

	if (parse_number(block, field, &value) < 0 || value > UINT32_MAX)
		return -EPROTO;
	*ret = (uint32_t)value;
	return 0;
}

/* The checksum counts its own field as blanks. */
static uint64_t sum_block(const uint8_t block[TAR_BLOCK])
{
	uint64_t sum = 0;

	for (size_t i = 0; i < TAR_BLOCK; i++) {
		bool own = i >= at_checksum.offset && i < at_checksum.offset + at_checksum.len;

		sum += own ? ' ' : block[i];
	}
	return sum;
}

static void copy_text(const uint8_t *block, struct field field, char *to)
{
	size_t len = strnlen((const char *)block + field.offset, field.len);

	memcpy(to, block + field.offset, len);
	to[len] = '\0';
}

static void copy_name(const uint8_t block[TAR_BLOCK], char *to)
{
	size_t len = 0;

	if (memcmp(block + at_magic.offset, "ustar", 6) == 0 && block[at_prefix.offset] != '\0') {
		copy_text(block, at_prefix, to);
		len = strlen(to);
		to[len++] = '/';
	}
	copy_text(block, at_name, to + len);
}

int tar_header_parse(const uint8_t block[TAR_BLOCK], struct tar_header *ret)
{
	struct tar_header header = { 0 };
	uint64_t sum;

	if (parse_number(block, at_checksum, &sum) < 0 || sum != sum_block(block))
		return -EPROTO;
	if (parse_small(block, at_mode, &header.mode) < 0 ||
	    parse_small(block, at_uid, &header.uid) < 0 ||
	    parse_small(block, at_gid, &header.gid) < 0 ||
	    parse_number(block, at_size, &header.size) < 0)
		return -EPROTO;
	/* A time before 1970 or beyond reason does no harm: it becomes 1970. */
	if (parse_number(block, at_mtime, &header.mtime) < 0 || header.mtime > INT64_MAX)
		header.mtime = 0;
	header.kind = (char)block[at_kind.offset];
	copy_name(block, header.name);
	copy_text(block, at_link, header.link);
	*ret = header;
	return 0;
}

/* Octal digits to the field's end, where a NUL stays. */
static void put_number(uint8_t *block, struct field field, uint64_t value)
{
	for (size_t i = field.len - 1; i > 0; i--, value >>= 3)
		block[field.offset + i - 1] = (uint8_t)('0' + (value & 7));
}

static void put_text(uint8_t *block, struct field field, const char *text)
{
	memcpy(block + field.offset, text, strnlen(text, field.len));
}

void tar_header_build(const struct tar_header *header, uint8_t to[TAR_BLOCK])
{
	memset(to, 0, TAR_BLOCK);
	put_text(to, at_name, header->name);
	put_text(to, at_link, header->link);
	put_number(to, at_mode, header->mode);
	put_number(to, at_uid, header->uid);
	put_number(to, at_gid, header->gid);
	put_number(to, at_size, header->size);
	put_number(to, at_mtime, header->mtime);
	to[at_kind.offset] = (uint8_t)header->kind;
	memcpy(to + at_magic.offset, "ustar\00000", at_magic.len);
	put_number(to, at_checksum, sum_block(to));
}
