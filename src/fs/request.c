#include "fs/request.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "fs/serve.h"
#include "fs/session.h"

static_assert(FUSE_KERNEL_VERSION == 7 && FUSE_KERNEL_MINOR_VERSION >= 37,
	      "<linux/fuse.h> of protocol 7.37 or newer (linux-libc-dev 6.1)");

enum operation_flags {
	NO_NODE = 1 << 0, /* the header's node id means nothing */
	CHANGES = 1 << 1, /* -EROFS where nothing may change */
	ON_ROOT = 1 << 2, /* the virtual root may be asked */
};

struct operation {
	serve_fn *serve;
	uint8_t flags;
	uint8_t size; /* of the fixed arguments */
};

/* Sizes are of protocol 7.36 without FUSE_SETXATTR_EXT; INIT's is checked by its handler. */
static const struct operation operations[] = {
	[FUSE_LOOKUP] = { serve_lookup, ON_ROOT, 0 },
	[FUSE_FORGET] = { serve_forget, NO_NODE, sizeof(struct fuse_forget_in) },
	[FUSE_GETATTR] = { serve_getattr, ON_ROOT, sizeof(struct fuse_getattr_in) },
	[FUSE_SETATTR] = { serve_setattr, CHANGES, sizeof(struct fuse_setattr_in) },
	[FUSE_READLINK] = { serve_readlink, 0, 0 },
	[FUSE_SYMLINK] = { serve_symlink, CHANGES, 0 },
	[FUSE_MKNOD] = { serve_mknod, CHANGES, sizeof(struct fuse_mknod_in) },
	[FUSE_MKDIR] = { serve_mkdir, CHANGES, sizeof(struct fuse_mkdir_in) },
	[FUSE_UNLINK] = { serve_unlink, CHANGES, 0 },
	[FUSE_RMDIR] = { serve_rmdir, CHANGES, 0 },
	[FUSE_RENAME] = { serve_rename, CHANGES, sizeof(struct fuse_rename_in) },
	[FUSE_LINK] = { serve_link, CHANGES, sizeof(struct fuse_link_in) },
	[FUSE_OPEN] = { serve_open, 0, sizeof(struct fuse_open_in) },
	[FUSE_READ] = { serve_read, 0, sizeof(struct fuse_read_in) },
	[FUSE_WRITE] = { serve_write, CHANGES, sizeof(struct fuse_write_in) },
	[FUSE_STATFS] = { serve_statfs, ON_ROOT, 0 },
	[FUSE_RELEASE] = { serve_release, 0, sizeof(struct fuse_release_in) },
	[FUSE_FSYNC] = { serve_fsync, 0, sizeof(struct fuse_fsync_in) },
	[FUSE_SETXATTR] = { serve_setxattr, CHANGES, FUSE_COMPAT_SETXATTR_IN_SIZE },
	[FUSE_GETXATTR] = { serve_getxattr, 0, sizeof(struct fuse_getxattr_in) },
	[FUSE_LISTXATTR] = { serve_listxattr, 0, sizeof(struct fuse_getxattr_in) },
	[FUSE_REMOVEXATTR] = { serve_removexattr, CHANGES, 0 },
	[FUSE_FLUSH] = { serve_flush, 0, sizeof(struct fuse_flush_in) },
	[FUSE_INIT] = { serve_init, NO_NODE, 0 },
	[FUSE_READDIR] = { serve_readdir, ON_ROOT, sizeof(struct fuse_read_in) },
	[FUSE_FSYNCDIR] = { serve_fsyncdir, 0, sizeof(struct fuse_fsync_in) },
	[FUSE_GETLK] = { serve_getlk, 0, sizeof(struct fuse_lk_in) },
	[FUSE_SETLK] = { serve_setlk, 0, sizeof(struct fuse_lk_in) },
	[FUSE_SETLKW] = { serve_setlkw, 0, sizeof(struct fuse_lk_in) },
	[FUSE_CREATE] = { serve_create, CHANGES, sizeof(struct fuse_create_in) },
	[FUSE_INTERRUPT] = { serve_interrupt, NO_NODE, sizeof(struct fuse_interrupt_in) },
	[FUSE_DESTROY] = { serve_destroy, NO_NODE, 0 },
	[FUSE_BATCH_FORGET] = { serve_batch_forget, NO_NODE, sizeof(struct fuse_batch_forget_in) },
	[FUSE_FALLOCATE] = { serve_fallocate, CHANGES, sizeof(struct fuse_fallocate_in) },
	[FUSE_READDIRPLUS] = { serve_readdirplus, ON_ROOT, sizeof(struct fuse_read_in) },
	[FUSE_RENAME2] = { serve_rename2, CHANGES, sizeof(struct fuse_rename2_in) },
	[FUSE_LSEEK] = { serve_lseek, 0, sizeof(struct fuse_lseek_in) },
	[FUSE_COPY_FILE_RANGE] = { serve_copy_file_range, 0,
				   sizeof(struct fuse_copy_file_range_in) },
	[FUSE_SYNCFS] = { serve_syncfs, ON_ROOT, sizeof(struct fuse_syncfs_in) },
	[FUSE_TMPFILE] = { serve_tmpfile, CHANGES, sizeof(struct fuse_create_in) },
};

int request_string(struct request *request, char *to, size_t size)
{
	struct iov ahead = request->in;
	size_t len = min_of(size, ahead.left);
	char *end;

	if (iov_read(&ahead, to, len) < 0)
		return -EINVAL;
	end = memchr(to, '\0', len);
	if (end == NULL)
		return len < size ? -EINVAL : -ENAMETOOLONG;
	(void)iov_skip(&request->in, (size_t)(end - to) + 1);
	return 0;
}

int request_file_name(struct request *request, request_name to)
{
	int r = request_string(request, to, sizeof(request_name));

	if (r < 0)
		return r;
	return name_is_valid(to) ? 0 : -EINVAL;
}

int request_put(struct request *request, const void *bytes, size_t len)
{
	return iov_write(&request->out, bytes, len) < 0 ? -EIO : 0;
}

/* Finds the node and says whether it may be asked this. */
static int admit(struct fs *fs, const struct operation *operation, struct request *request)
{
	if ((operation->flags & NO_NODE) != 0)
		return 0;
	request->node = node_of(fs, request->head.nodeid);
	if (request->node == NULL)
		return -ESTALE;
	if ((operation->flags & CHANGES) != 0 && node_is_read_only(fs, request->node))
		return -EROFS;
	if ((operation->flags & ON_ROOT) == 0 && node_is_root(request->node))
		return -EPERM;
	return 0;
}

static int dispatch(struct fs *fs, struct request *request)
{
	uint32_t opcode = request->head.opcode;
	const struct operation *operation =
		opcode < countof(operations) ? &operations[opcode] : NULL;
	int r;

	if (operation == NULL || operation->serve == NULL)
		return -ENOSYS;
	if (iov_read(&request->in, &request->arg, operation->size) < 0)
		return -EINVAL;
	r = admit(fs, operation, request);
	if (r == 0 && (operation->flags & CHANGES) != 0)
		request->node->flags &= ~(unsigned)NODE_FRESH; /* Linux takes it so, too */
	if (r == 0)
		r = operation->serve(fs, request);
	if (r == -ESTALE) /* the guest looks up again, once */
		fs->nodes.contended = NODE_CONTENDED;
	return r;
}

/* Writes the header of the reply in front of `body` bytes that stand already. */
static ssize_t finish(struct iov *out, uint64_t unique, int error, size_t body)
{
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + (error == 0 ? body : 0)),
		.error = error,
		.unique = unique,
	};

	/* A request that gives no room for a reply wants none. */
	return iov_write(out, &header, sizeof(header)) < 0 ? 0 : (ssize_t)header.len;
}

ssize_t fs_serve(struct fs *fs, const struct iovec *in, size_t in_count, const struct iovec *out,
		 size_t out_count, uint64_t token)
{
	struct request request = {
		.in = iov_make(in, in_count),
		.out = iov_make(out, out_count),
		.token = token,
	};
	struct iov start = request.out;
	size_t len = request.in.left, room;
	int r;

	if (iov_read(&request.in, &request.head, sizeof(request.head)) < 0)
		return -EPROTO;
	(void)iov_skip(&request.out, min_of(sizeof(struct fuse_out_header), start.left));
	room = request.out.left;
	r = request.head.len == len ? dispatch(fs, &request) : -EINVAL;
	switch (r) {
	case REPLY_NONE:
		return 0;
	case REPLY_LATER:
		return -EINPROGRESS;
	default: /* 0 or -errno */
		return finish(&start, request.head.unique, r, room - request.out.left);
	}
}
