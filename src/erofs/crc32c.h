/* CRC-32C (Castagnoli; RFC 3720, appendix B.4), as superblocks carry it. */
#ifndef EROFS_CRC32C_H
#define EROFS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from crc, which begins as UINT32_MAX; nothing is inverted at the end. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
