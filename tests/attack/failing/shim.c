/*
 * Preloaded into a device program: a host whose disk fails. The calls are the
 * kernel's own otherwise, made by number, so that the program's filter sees
 * nothing that it does not know.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/attack/failing/wishes.h"

/* Names as the C library has them where files are large; declared nowhere. */
ssize_t preadv64(int fd, const struct iovec *vec, int count, off_t offset);
ssize_t preadv64v2(int fd, const struct iovec *vec, int count, off_t offset, int flags);
ssize_t pwritev64(int fd, const struct iovec *vec, int count, off_t offset);
ssize_t pwritev64v2(int fd, const struct iovec *vec, int count, off_t offset, int flags);
int fallocate64(int fd, int mode, off_t offset, off_t len);

static struct wishes none;
static struct wishes *wishes = &none;

__attribute__((constructor)) static void map_wishes(void)
{
	const char *path = getenv(WISHES_VARIABLE);
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped;

	if (fd < 0)
		return;
	mapped = mmap(NULL, sizeof(*wishes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (mapped != MAP_FAILED)
		wishes = mapped;
}

static bool take_one(_Atomic uint32_t *count)
{
	uint32_t left = *count;

	while (left > 0)
		if (__atomic_compare_exchange_n((uint32_t *)count, &left, left - 1, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

static bool is_hit(enum wishes_call call)
{
	if ((wishes->calls & call) == 0 || !take_one(&wishes->left))
		return false;
	wishes->failed++;
	return true;
}

/* For calls that can only succeed or fail. */
static int fail(void)
{
	errno = wishes->error > 0 ? wishes->error : EIO;
	return -1;
}

/* For those that can fall short: true, and *ret is the result, or false and *ret what to do. */
static bool falls(enum wishes_call call, const struct iovec *vec, struct iovec *half, ssize_t *ret)
{
	if (!is_hit(call))
		return false;
	if (wishes->error != WISH_SHORT) {
		*ret = wishes->error == WISH_NOTHING ? 0 : fail();
		return true;
	}
	*half = (struct iovec){ vec->iov_base, (vec->iov_len + 1) / 2 };
	return false;
}

ssize_t preadv64(int fd, const struct iovec *vec, int count, off_t offset)
{
	struct iovec half = { .iov_base = NULL };
	ssize_t r;

	if (falls(CALL_READ, vec, &half, &r))
		return r;
	if (half.iov_base != NULL)
		return syscall(SYS_preadv, fd, &half, 1, offset, 0);
	return syscall(SYS_preadv, fd, vec, count, offset, 0);
}

ssize_t preadv64v2(int fd, const struct iovec *vec, int count, off_t offset, int flags)
{
	struct iovec half = { .iov_base = NULL };
	ssize_t r;

	if (falls(CALL_READ, vec, &half, &r))
		return r;
	if (half.iov_base != NULL)
		return syscall(SYS_preadv2, fd, &half, 1, offset, 0, flags);
	return syscall(SYS_preadv2, fd, vec, count, offset, 0, flags);
}

ssize_t pwritev64(int fd, const struct iovec *vec, int count, off_t offset)
{
	struct iovec half = { .iov_base = NULL };
	ssize_t r;

	if (falls(CALL_WRITE, vec, &half, &r))
		return r;
	if (half.iov_base != NULL)
		return syscall(SYS_pwritev, fd, &half, 1, offset, 0);
	return syscall(SYS_pwritev, fd, vec, count, offset, 0);
}

ssize_t pwritev64v2(int fd, const struct iovec *vec, int count, off_t offset, int flags)
{
	struct iovec half = { .iov_base = NULL };
	ssize_t r;

	if (falls(CALL_WRITE, vec, &half, &r))
		return r;
	if (half.iov_base != NULL)
		return syscall(SYS_pwritev2, fd, &half, 1, offset, 0, flags);
	return syscall(SYS_pwritev2, fd, vec, count, offset, 0, flags);
}

int fsync(int fd)
{
	return is_hit(CALL_SYNC) ? fail() : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return is_hit(CALL_SYNC) ? fail() : (int)syscall(SYS_fdatasync, fd);
}

int fallocate64(int fd, int mode, off_t offset, off_t len)
{
	return is_hit(CALL_ALLOCATE) ? fail() : (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

int mkdirat(int fd, const char *name, mode_t mode)
{
	return is_hit(CALL_NAME) ? fail() : (int)syscall(SYS_mkdirat, fd, name, mode);
}

int unlinkat(int fd, const char *name, int flags)
{
	return is_hit(CALL_NAME) ? fail() : (int)syscall(SYS_unlinkat, fd, name, flags);
}

ssize_t copy_file_range(int from, off_t *from_off, int to, off_t *to_off, size_t len,
			unsigned flags)
{
	if (is_hit(CALL_COPY))
		return fail();
	return syscall(SYS_copy_file_range, from, from_off, to, to_off, len, flags);
}
