/*
 * What is in a file. Bytes go between the disk and the guest's memory without
 * a stop: the request's own buffers are given to preadv2(2) and pwritev2(2).
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

/* preadv2() or pwritev2() */
typedef ssize_t move_fn(int fd, const struct iovec *vec, int count, off_t offset, int flags);

/*
 * Moves len bytes between fd and the buffers, in as many calls as that takes.
 * Returns how many were moved; fewer where the file ends, and where the disk
 * fails or is full: then *ret_error says why.
 */
static size_t move_all(move_fn *move, int fd, struct iov *iov, size_t len, uint64_t offset,
		       int flags, int *ret_error)
{
	size_t done = 0;

	while (done < len) {
		struct iovec vec[IOV_MAX];
		int count = iov_slice(iov, len - done, vec, countof(vec));
		ssize_t n;

		if (count < 0) {
			*ret_error = -EINVAL;
			break;
		}
		n = move(fd, vec, count, (off_t)(offset + done), flags);
		if (n < 0)
			*ret_error = -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
		(void)iov_skip(iov, (size_t)n);
	}
	return done;
}

/* What is short of the size asked for ends there, as the guest understands it: never on an error.
 */
int serve_read(struct fs *fs, struct request *request)
{
	const struct fuse_read_in *in = &request->arg.read;
	size_t len = min_of(in->size, request->out.left);
	int fd = descriptor(fs, in->fh, request->node), error = 0;

	if (fd < 0)
		return fd;
	if (!is_range(in->offset, len))
		return -EINVAL;
	(void)move_all(preadv2, fd, &request->out, len, in->offset, 0, &error);
	return error;
}

/*
 * A write to the end of a file that somebody else made longer went further
 * than the guest knows: the pages that it keeps are in the wrong place.
 */
static void check_end(struct fs *fs, const struct node *node, int fd, uint64_t end)
{
	struct statx now;

	if (!fs->coherent || (beneath_stat_fd(fd, &now) == 0 && now.stx_size == end))
		return;
	notify_inode(&fs->notify, node->id, true);
	(void)notify_flush(fs);
}

/*
 * Whether it goes to the end is the guest's word for each write, not a matter
 * of the descriptor: fcntl(2) changes it, and pages written through a mapping
 * (FUSE_WRITE_CACHE) have their place, whichever open file brings them. Nobody
 * looks at how much of those was written, so all of it or an error.
 */
int serve_write(struct fs *fs, struct request *request)
{
	const struct fuse_write_in *in = &request->arg.write;
	bool is_cached = (in->write_flags & FUSE_WRITE_CACHE) != 0;
	bool appends = (in->flags & O_APPEND) != 0 && !is_cached;
	struct fuse_write_out out = { 0 };
	int fd = descriptor(fs, in->fh, request->node), error = 0;

	if (fd < 0)
		return fd;
	if (!is_range(in->offset, in->size))
		return -EFBIG;
	if (in->size > request->in.left)
		return -EINVAL;
	out.size = (uint32_t)move_all(pwritev2, fd, &request->in, in->size, in->offset,
				      appends ? RWF_APPEND : 0, &error);
	if (error < 0 && (is_cached || out.size == 0))
		return error;
	if (appends)
		check_end(fs, request->node, fd, in->offset + out.size);
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
	if (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)
		return -EINVAL;
	if (in->offset > INT64_MAX)
		return -ENXIO;
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
