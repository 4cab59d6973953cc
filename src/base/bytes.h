/*
 * Numbers in memory that is not ours to align: little- and big-endian loads
 * and stores through memcpy.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define BYTES_ACCESSORS(bits, order)                                           \
	static inline uint##bits##_t order##bits##_load(const void *from)      \
	{                                                                      \
		uint##bits##_t raw;                                            \
		memcpy(&raw, from, sizeof(raw));                               \
		return order##bits##toh(raw);                                  \
	}                                                                      \
	static inline void order##bits##_store(void *to, uint##bits##_t value) \
	{                                                                      \
		uint##bits##_t raw = hto##order##bits(value);                  \
		memcpy(to, &raw, sizeof(raw));                                 \
	}

BYTES_ACCESSORS(16, le)
BYTES_ACCESSORS(32, le)
BYTES_ACCESSORS(64, le)
BYTES_ACCESSORS(16, be)
BYTES_ACCESSORS(32, be)
BYTES_ACCESSORS(64, be)

#undef BYTES_ACCESSORS

#endif
