/*
 * Sizes and arithmetic that cannot go wrong quietly.
 *
 * countof() is for arrays only; sizes of objects are sizeof(*p). Sums and
 * products of numbers from outside go through the checked forms, which leave
 * *ret untouched and return -EOVERFLOW when the result does not fit.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define countof(array) (sizeof(array) / sizeof((array)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define min_of(a, b) ((a) < (b) ? (a) : (b))
#define max_of(a, b) ((a) > (b) ? (a) : (b))

static inline int u64_add(uint64_t a, uint64_t b, uint64_t *ret)
{
	uint64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return -EOVERFLOW;
	*ret = sum;
	return 0;
}

static inline int u64_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
	uint64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return -EOVERFLOW;
	*ret = product;
	return 0;
}

/* True when [off, off + len) lies within [0, size). Never overflows. */
static inline int range_within(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

#endif
