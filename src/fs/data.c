/*
 * What is in a file. Bytes go between the disk and the guest's memory without
 * a stop: the request's own buffers are given to preadv(2) and pwritev(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "fs/request.h"
#include "fs/serve.h"
#include "fs/session.h"

enum {
	COPY_MAX = 16 << 20, /* bytes in one go: others wait meanwhile, the guest asks again */
	FALLOCATE_MODES = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE |
			  FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE,
};

static int descriptor(struct fs *fs, uint64_t number, const struct node *node)
{
	struct handle *handle = handle_of(fs, number, node);

	return handle != NULL ? handle->fd : -EBADF;
}

static bool is_range(uint64_t offset, uint64_t len)
{
	return offset <= INT64_MAX && len <= INT64_MAX - offset;
}

int serve_read(struct fs *fs, struct request *request)
{
	const struct fuse_read_in *in = &request->arg.read;
	size_t len = min_of(in->size, request->out.left);
	int fd = descriptor(fs, in->fh, request->node), count;
	struct iovec vec[IOV_MAX];
	ssize_t got;

	if (fd < 0)
		return fd;
	if (!is_range(in->offset, len))
		return -EINVAL;
	count = iov_slice(&request->out, len, vec, countof(vec));
	if (count < 0)
		return -EINVAL;
	got = preadv(fd, vec, count, (off_t)in->offset);
	if (got < 0)
		return -errno;
	return iov_skip(&request->out, (size_t)got);
}

int serve_write(struct fs *fs, struct request *request)
{
	const struct fuse_write_in *in = &request->arg.write;
	struct fuse_write_out out = { 0 };
	int fd = descriptor(fs, in->fh, request->node), count;
	struct iovec vec[IOV_MAX];
	ssize_t done;

	if (fd < 0)
		return fd;
	if (!is_range(in->offset, in->size))
		return -EFBIG;
	count = iov_slice(&request->in, in->size, vec, countof(vec));
	if (count < 0)
		return -EINVAL;
	done = pwritev(fd, vec, count, (off_t)in->offset);
	if (done < 0)
		return -errno;
	out.size = (uint32_t)done;
	return request_put(request, &out, sizeof(out));
}

static int sync_fd(int fd, uint32_t flags)
{
	int r = (flags & FUSE_FSYNC_FDATASYNC) != 0 ? fdatasync(fd) : fsync(fd);

	return r < 0 ? -errno : 0;
}

int serve_fsync(struct fs *fs, struct request *request)
{
	int fd = descriptor(fs, request->arg.fsync.fh, request->node);

	return fd < 0 ? fd : sync_fd(fd, request->arg.fsync.fsync_flags);
}

/* Folders are not opened by the guest, so there is no handle. */
int serve_fsyncdir(struct fs *fs, struct request *request)
{
	struct statx now;
	autoclose int fd = node_open(fs, request->node, O_RDONLY | O_DIRECTORY, &now);

	return fd < 0 ? fd : sync_fd(fd, request->arg.fsync.fsync_flags);
}

int serve_fallocate(struct fs *fs, struct request *request)
{
	const struct fuse_fallocate_in *in = &request->arg.fallocate;
	int fd = descriptor(fs, in->fh, request->node);

	if (fd < 0)
		return fd;
	if ((in->mode & ~(uint32_t)FALLOCATE_MODES) != 0)
		return -EOPNOTSUPP;
	if (!is_range(in->offset, in->length))
		return -EFBIG;
	return fallocate(fd, (int)in->mode, (off_t)in->offset, (off_t)in->length) < 0 ? -errno : 0;
}

/* The guest knows SEEK_SET, SEEK_CUR and SEEK_END without asking. */
int serve_lseek(struct fs *fs, struct request *request)
{
	const struct fuse_lseek_in *in = &request->arg.lseek;
	struct fuse_lseek_out out;
	int fd = descriptor(fs, in->fh, request->node);
	off_t found;

	if (fd < 0)
		return fd;
	if ((in->whence != SEEK_DATA && in->whence != SEEK_HOLE) || in->offset > INT64_MAX)
		return -EINVAL;
	found = lseek(fd, (off_t)in->offset, (int)in->whence);
	if (found < 0)
		return -errno;
	out.offset = (uint64_t)found;
	return request_put(request, &out, sizeof(out));
}

int serve_copy_file_range(struct fs *fs, struct request *request)
{
	const struct fuse_copy_file_range_in *in = &request->arg.copy;
	struct node *target = node_of(fs, in->nodeid_out);
	struct fuse_write_out out = { 0 };
	off64_t from_off = (off64_t)in->off_in, to_off = (off64_t)in->off_out;
	int from = descriptor(fs, in->fh_in, request->node);
	int to = target != NULL ? descriptor(fs, in->fh_out, target) : -ESTALE;
	ssize_t done;

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	if (node_is_read_only(fs, target))
		return -EROFS;
	if (!is_range(in->off_in, in->len) || !is_range(in->off_out, in->len))
		return -EINVAL;
	done = copy_file_range(from, &from_off, to, &to_off, min_of(in->len, (uint64_t)COPY_MAX),
			       0);
	if (done < 0)
		return -errno;
	out.size = (uint32_t)done;
	return request_put(request, &out, sizeof(out));
}
