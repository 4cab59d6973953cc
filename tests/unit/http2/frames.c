#include "tests/unit/http2/frames.h"

#include <string.h>

#include "base/bytes.h"

enum { HEADER_SIZE = 9, BLOCK_MAX = 1 << 18 };

void frame_put(struct buf *to, enum frame_type type, unsigned flags, uint32_t id,
	       const void *payload, size_t len)
{
	uint8_t header[HEADER_SIZE] = { (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
					(uint8_t)type, (uint8_t)flags };

	be32_store(header + 5, id);
	(void)buf_append(to, header, sizeof(header));
	(void)buf_append(to, payload, len);
}

void frame_preface(struct buf *to, int is_client)
{
	static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

	if (is_client)
		(void)buf_append(to, magic, strlen(magic));
	frame_put(to, FRAME_SETTINGS, 0, 0, NULL, 0);
}

/* A length of HPACK with a prefix of 7 bits (RFC 7541 §5.1). */
static void put_len(struct buf *block, size_t len)
{
	uint8_t byte = (uint8_t)(len < 127 ? len : 127);

	(void)buf_append(block, &byte, 1);
	if (len < 127)
		return;
	for (len -= 127; len >= 128; len /= 128) {
		byte = (uint8_t)(len % 128 + 128);
		(void)buf_append(block, &byte, 1);
	}
	byte = (uint8_t)len;
	(void)buf_append(block, &byte, 1);
}

void frame_field_bytes(struct buf *block, const char *name, const void *value, size_t len)
{
	(void)buf_append(block, "\0", 1);
	put_len(block, strlen(name));
	(void)buf_append(block, name, strlen(name));
	put_len(block, len);
	(void)buf_append(block, value, len);
}

void frame_field(struct buf *block, const char *name, const char *value)
{
	frame_field_bytes(block, name, value, strlen(value));
}

void frame_head(struct buf *to, uint32_t id, unsigned flags, const char *const *pairs)
{
	struct buf block;

	buf_init(&block, BLOCK_MAX);
	for (; *pairs != NULL; pairs += 2)
		frame_field(&block, pairs[0], pairs[1]);
	frame_put(to, FRAME_HEADERS, flags | FRAME_END_HEADERS, id, block.data, block.len);
	buf_finish(&block);
}
