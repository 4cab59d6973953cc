/*
 * Fields of a payload: le16 tag, le16 zero, le32 length, value; one after the
 * other, nothing between. Numbers are little-endian with exactly the length
 * of their type; strings hold no NUL. Unknown tags are skipped, so that either
 * side may be newer; a field cut short or with a wrong length is -EPROTO.
 */
#ifndef WIRE_TLV_H
#define WIRE_TLV_H

#include <stddef.h>
#include <stdint.h>

struct buf;

struct tlv {
	uint16_t tag;
	const uint8_t *value; /* weak */
	size_t len;
};

/* Takes the next field off *bytes; 1, 0 at the end, -EPROTO. */
int tlv_next(const uint8_t **bytes, size_t *len, struct tlv *ret);

int tlv_u32(const struct tlv *tlv, uint32_t *ret);
int tlv_u64(const struct tlv *tlv, uint64_t *ret);
/* A NUL-terminated copy, owned by the caller; -EPROTO on an inner NUL or when longer than max. */
int tlv_string(const struct tlv *tlv, size_t max, char **ret);

int tlv_put(struct buf *buf, uint16_t tag, const void *value, size_t len);
int tlv_put_u32(struct buf *buf, uint16_t tag, uint32_t value);
int tlv_put_u64(struct buf *buf, uint16_t tag, uint64_t value);
int tlv_put_string(struct buf *buf, uint16_t tag, const char *value);

#endif
