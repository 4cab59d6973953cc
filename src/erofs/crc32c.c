#include "erofs/crc32c.h"

#define POLYNOMIAL 0x82f63b78U /* bits reversed */

/* Bit by bit: one block of an image is all that it is for. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	for (size_t i = 0; i < len; i++) {
		crc ^= from[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
	}
	return crc;
}
