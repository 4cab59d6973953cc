/*
 * Numbers as people write them. Every parser takes the whole string, refuses
 * anything left over, signs, leading blanks and overflow with -EINVAL or
 * -ERANGE, and leaves *ret untouched on failure.
 */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdint.h>

/* A decimal number up to max. */
int parse_u64(const char *text, uint64_t max, uint64_t *ret);

/* Bytes with a binary unit: "512m", "8g", "20GiB", "1024"; k m g t, either case. */
int parse_size(const char *text, uint64_t *ret_bytes);

/* A span: "30s", "10m", "24h", "7d", and sums of them as in "1h30m". */
int parse_duration(const char *text, uint64_t *ret_seconds);

#endif
