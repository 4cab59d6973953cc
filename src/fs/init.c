/*
 * The session: what both sides can do, and how it starts over.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "fs/request.h"
#include "fs/serve.h"
#include "fs/session.h"

enum {
	OLDEST_MINOR = 31,   /* Linux 5.4, the first with virtio-fs */
	INIT_IN_SHORT = 16,  /* before 7.36 */
	REQUEST_PAGES = 256, /* of a read or write: 1 MiB */
	REQUEST_SIZE = REQUEST_PAGES * 4096,
	BACKGROUND_MAX = 1024,
};

/* Taken when the guest offers them. Not FUSE_WRITEBACK_CACHE: see docs/design/fs.md. */
static const uint64_t wanted =
	FUSE_ASYNC_READ | FUSE_POSIX_LOCKS | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |
	FUSE_DONT_MASK | FUSE_FLOCK_LOCKS | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |
	FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |
	FUSE_NO_OPENDIR_SUPPORT | FUSE_HANDLE_KILLPRIV_V2 | FUSE_INIT_EXT | FUSE_HAS_EXPIRE_ONLY;

/* How the guest learns that cached pages are stale: it is told, or it compares times. */
static uint64_t cache_flag(const struct fs *fs)
{
	return fs->coherent ? FUSE_EXPLICIT_INVAL_DATA : FUSE_AUTO_INVAL_DATA;
}

static void agree(const struct fs *fs, const struct fuse_init_in *in, struct fuse_init_out *ret)
{
	uint64_t offered = in->flags, flags;

	if ((in->flags & FUSE_INIT_EXT) != 0)
		offered |= (uint64_t)in->flags2 << 32;
	flags = offered & (wanted | cache_flag(fs));
	*ret = (struct fuse_init_out){
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.flags = (uint32_t)flags,
		.flags2 = (uint32_t)(flags >> 32),
		.max_background = BACKGROUND_MAX,
		.congestion_threshold = BACKGROUND_MAX * 3 / 4,
		.max_write = REQUEST_SIZE,
		.time_gran = 1,
		.max_pages = REQUEST_PAGES,
	};
}

int serve_init(struct fs *fs, struct request *request)
{
	struct fuse_init_in in = { 0 };
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION };
	size_t len = min_of(request->in.left, sizeof(in));

	if (len < INIT_IN_SHORT || iov_read(&request->in, &in, len) < 0)
		return -EINVAL;
	if (in.major < FUSE_KERNEL_VERSION ||
	    (in.major == FUSE_KERNEL_VERSION && in.minor < OLDEST_MINOR))
		return -EPROTO;
	/* A newer major reads our version and asks again. */
	if (in.major == FUSE_KERNEL_VERSION) {
		fs_reset(fs);
		fs->coherent = watch_start(fs);
		agree(fs, &in, &out);
	}
	return request_put(request, &out, sizeof(out));
}

int serve_destroy(struct fs *fs, struct request *request)
{
	(void)request;
	fs_reset(fs);
	return 0;
}

/* Only locks are ever waited for. The interrupted request answers, the interrupt does not. */
int serve_interrupt(struct fs *fs, struct request *request)
{
	lock_interrupt(fs, request->arg.interrupt.unique);
	return REPLY_NONE;
}

int serve_statfs(struct fs *fs, struct request *request)
{
	struct fuse_statfs_out out = { .st = { .namelen = BENEATH_NAME_MAX, .bsize = 4096 } };
	struct statfs now;
	int fd;

	if (node_is_root(request->node))
		return request_put(request, &out, sizeof(out));
	fd = fs->mounts.slot[request->node->is.mount].fd;
	if (fstatfs(fd, &now) < 0)
		return -errno;
	out.st = (struct fuse_kstatfs){
		.blocks = now.f_blocks,
		.bfree = now.f_bfree,
		.bavail = now.f_bavail,
		.files = now.f_files,
		.ffree = now.f_ffree,
		.bsize = (uint32_t)now.f_bsize,
		.namelen = BENEATH_NAME_MAX,
		.frsize = (uint32_t)now.f_frsize,
	};
	return request_put(request, &out, sizeof(out));
}

/* sync(2) in the guest: the file systems of all mounts that it may have written to. */
int serve_syncfs(struct fs *fs, struct request *request)
{
	int worst = 0;

	(void)request;
	for (size_t i = 0; i < FS_MOUNTS_MAX; i++) {
		const struct mount *mount = &fs->mounts.slot[i];
		autoclose int fd = -1;

		if (mount->name[0] == '\0' || mount->read_only)
			continue;
		fd = beneath_reopen(fs->config.proc_fd, mount->fd, O_RDONLY);
		if (fd >= 0 && syncfs(fd) < 0)
			worst = -errno;
	}
	return worst;
}
