#include "base/iov.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

struct iov iov_make(const struct iovec *vec, size_t count)
{
	struct iov iov = { .vec = vec, .count = count };

	for (size_t i = 0; i < count; i++) {
		if (vec[i].iov_len > SIZE_MAX - iov.left)
			return (struct iov){ .vec = vec };
		iov.left += vec[i].iov_len;
	}
	return iov;
}

/* The contiguous bytes at the cursor; steps over empty and finished entries. */
static size_t chunk_at(struct iov *iov, uint8_t **ret)
{
	while (iov->index < iov->count && iov->offset == iov->vec[iov->index].iov_len) {
		iov->index++;
		iov->offset = 0;
	}
	if (iov->index == iov->count)
		return 0;
	*ret = (uint8_t *)iov->vec[iov->index].iov_base + iov->offset;
	return iov->vec[iov->index].iov_len - iov->offset;
}

static void advance(struct iov *iov, size_t len)
{
	iov->offset += len;
	iov->left -= len;
}

int iov_read(struct iov *iov, void *to, size_t len)
{
	uint8_t *out = to;

	if (len > iov->left)
		return -ENODATA;
	while (len > 0) {
		uint8_t *chunk = NULL;
		size_t n = min_of(chunk_at(iov, &chunk), len);

		memcpy(out, chunk, n);
		advance(iov, n);
		out += n;
		len -= n;
	}
	return 0;
}

int iov_write(struct iov *iov, const void *from, size_t len)
{
	const uint8_t *in = from;

	if (len > iov->left)
		return -ENOSPC;
	while (len > 0) {
		uint8_t *chunk = NULL;
		size_t n = min_of(chunk_at(iov, &chunk), len);

		memcpy(chunk, in, n);
		advance(iov, n);
		in += n;
		len -= n;
	}
	return 0;
}

int iov_skip(struct iov *iov, size_t len)
{
	if (len > iov->left)
		return -ENODATA;
	while (len > 0) {
		uint8_t *chunk = NULL;
		size_t n = min_of(chunk_at(iov, &chunk), len);

		advance(iov, n);
		len -= n;
	}
	return 0;
}

int iov_slice(const struct iov *iov, size_t len, struct iovec *ret, size_t max)
{
	struct iov walk = *iov;
	size_t count = 0;

	if (len > iov->left)
		return -ENODATA;
	while (len > 0) {
		uint8_t *chunk = NULL;
		size_t n = min_of(chunk_at(&walk, &chunk), len);

		if (count == max)
			return -E2BIG;
		ret[count++] = (struct iovec){ .iov_base = chunk, .iov_len = n };
		advance(&walk, n);
		len -= n;
	}
	return (int)count;
}
