/*
 * A cursor over scattered buffers.
 *
 * A device request is a list of buffers in guest memory. The cursor walks
 * them once, front to back; what it copied out is the only truth, because the
 * guest may change the memory behind it at any moment. The iovec array is
 * borrowed and not modified.
 */
#ifndef BASE_IOV_H
#define BASE_IOV_H

#include <stddef.h>
#include <sys/uio.h>

struct iov {
	const struct iovec *vec; /* weak */
	size_t count;		 /* entries in vec */
	size_t index;		 /* entry the cursor stands in */
	size_t offset;		 /* bytes of that entry already passed */
	size_t left;		 /* bytes from the cursor to the end */
};

/* The cursor at the start of count buffers. Sums that overflow count as 0 bytes. */
struct iov iov_make(const struct iovec *vec, size_t count);

/* Copies exactly len bytes out and advances; -ENODATA (nothing moved) when fewer are left. */
int iov_read(struct iov *iov, void *to, size_t len);

/* Copies exactly len bytes in and advances; -ENOSPC (nothing moved) when fewer fit. */
int iov_write(struct iov *iov, const void *from, size_t len);

/* Passes len bytes over; -ENODATA when fewer are left. */
int iov_skip(struct iov *iov, size_t len);

/*
 * The next len bytes as at most max iovecs in ret, for readv() and friends,
 * without advancing. Returns the number of entries, or -E2BIG when max is too
 * few, -ENODATA when fewer than len bytes are left.
 */
int iov_slice(const struct iov *iov, size_t len, struct iovec *ret, size_t max);

#endif
