#include "block/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"

enum {
	ZERO_CHUNK = 64 << 10
}; /* bytes of zeroes written at once where the host has no zero range */

/* Freeing bytes behind the end changes nothing, and tells whether the file system can free at all.
 */
static bool can_punch(int fd, uint64_t size)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)size, 4096) == 0;
}

int disk_open(struct disk *disk, int fd, bool read_only, const char *id, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) < 0)
		return err_set_errno(err, -errno, "no image for disk %s", id);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "the image of disk %s is not a regular file", id);
	if (st.st_size == 0 || st.st_size % DISK_SECTOR != 0)
		return err_set(err, -EINVAL,
			       "the image of disk %s has %lld bytes, not a multiple of %d: it is "
			       "truncated or no raw image",
			       id, (long long)st.st_size, DISK_SECTOR);
	if ((flags & O_ACCMODE) != (read_only ? O_RDONLY : O_RDWR))
		return err_set(err, -EBADF, "the image of disk %s must be opened %s", id,
			       read_only ? "read-only" : "for reading and writing");
	*disk = (struct disk){ .fd = fd, .size = (uint64_t)st.st_size, .read_only = read_only };
	disk->punches = !read_only && can_punch(fd, disk->size);
	memcpy(disk->id, id, strnlen(id, DISK_ID_SIZE));
	return 0;
}

void disk_finish(struct disk *disk)
{
	if (disk == NULL || disk->fd < 0)
		return;
	(void)close(disk->fd);
	disk->fd = -1;
}

bool disk_grow(struct disk *disk)
{
	struct stat st;
	uint64_t size;

	if (fstat(disk->fd, &st) < 0)
		return false;
	size = (uint64_t)st.st_size / DISK_SECTOR * DISK_SECTOR;
	if (size <= disk->size)
		return false;
	disk->size = size;
	return true;
}

bool disk_has(const struct disk *disk, uint64_t offset, uint64_t len)
{
	return range_within(offset, len, disk->size);
}

void disk_buffers_advance(struct disk_buffers *buffers, size_t moved)
{
	buffers->left -= moved;
	while (buffers->count > 0 && moved >= buffers->vec->iov_len) {
		moved -= buffers->vec->iov_len;
		buffers->vec++;
		buffers->count--;
	}
	if (moved > 0) {
		buffers->vec->iov_base = (uint8_t *)buffers->vec->iov_base + moved;
		buffers->vec->iov_len -= moved;
	}
}

static int batch(const struct disk_buffers *buffers)
{
	return (int)min_of(buffers->count, (size_t)IOV_MAX);
}

int disk_read(const struct disk *disk, uint64_t offset, struct disk_buffers *buffers, bool wait)
{
	while (buffers->left > 0) {
		ssize_t n = preadv2(disk->fd, buffers->vec, batch(buffers), (off_t)offset,
				    wait ? 0 : RWF_NOWAIT);

		if (n == 0)
			return -EIO;
		if (n < 0 && errno == EINTR)
			continue;
		/* A file system that cannot promise not to wait is waited for elsewhere. */
		if (n < 0)
			return errno == EOPNOTSUPP ? -EAGAIN : -errno;
		disk_buffers_advance(buffers, (size_t)n);
		offset += (uint64_t)n;
	}
	return 0;
}

int disk_write(const struct disk *disk, uint64_t offset, struct disk_buffers *buffers)
{
	if (disk->read_only)
		return -EROFS;
	while (buffers->left > 0) {
		ssize_t n = pwritev(disk->fd, buffers->vec, batch(buffers), (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -EIO : -errno;
		disk_buffers_advance(buffers, (size_t)n);
		offset += (uint64_t)n;
	}
	return 0;
}

void disk_begin_flush(const struct disk *disk, uint64_t offset, uint64_t len)
{
	(void)sync_file_range(disk->fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

int disk_flush(struct disk *disk)
{
	int r;

	if (disk->read_only)
		return 0;
	if (disk->lost)
		return -EIO;
	r = fdatasync(disk->fd) < 0 ? -errno : 0;
	if (r < 0)
		disk->lost = true;
	return r;
}

static int allocate(const struct disk *disk, int mode, uint64_t offset, uint64_t len)
{
	int r;

	do
		r = fallocate(disk->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int disk_discard(const struct disk *disk, uint64_t offset, uint64_t len)
{
	if (disk->read_only)
		return -EROFS;
	return allocate(disk, FALLOC_FL_PUNCH_HOLE, offset, len);
}

static int write_zeroes(const struct disk *disk, uint64_t offset, uint64_t len)
{
	static const uint8_t zeroes[ZERO_CHUNK];
	int r = 0;

	while (len > 0 && r == 0) {
		size_t n = (size_t)min_of(len, (uint64_t)ZERO_CHUNK);
		struct iovec vec = { .iov_base = (void *)(uintptr_t)zeroes, .iov_len = n };
		struct disk_buffers buffers = { .vec = &vec, .count = 1, .left = n };

		r = disk_write(disk, offset, &buffers);
		offset += n;
		len -= n;
	}
	return r;
}

int disk_zero(const struct disk *disk, uint64_t offset, uint64_t len, bool unmap)
{
	int r;

	if (disk->read_only)
		return -EROFS;
	r = allocate(disk, unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE, offset, len);
	return r == -EOPNOTSUPP ? write_zeroes(disk, offset, len) : r;
}
