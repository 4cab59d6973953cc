/*
 * Files are opened, made and closed.
 *
 * What the guest may keep of a file's content from one open to the next: all of
 * it when changes are pushed. Of a file that may change unseen (a second name,
 * a mount of a single file) only what was read since its inode last changed,
 * which is compared at each open. The guest's own writes change the inode,
 * too, and cost such a file its pages; others keep theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/attr.h"
#include "fs/request.h"
#include "fs/serve.h"
#include "fs/session.h"

enum {
	OPEN_FLAGS = O_ACCMODE | O_SYNC | O_DSYNC, /* that reach the host; O_APPEND: see data.c */
	CREATE_MODE = S_IRWXU | S_IRWXG | S_IRWXO | S_ISVTX,
};

static bool may_keep_pages(struct fs *fs, struct node *node, const struct statx *now)
{
	int64_t changed_ns = (int64_t)now->stx_ctime.tv_sec * 1000000000 + now->stx_ctime.tv_nsec;
	bool same = node->changed_ns == changed_ns;

	node->changed_ns = changed_ns;
	return fs->coherent && (same || attr_keep_s(fs, node, now) != 0);
}

/*
 * Closing needs no message where nothing hangs on it: FLUSH ends the posix
 * locks of a process. Write locks need a descriptor open for writing, and a
 * file that is made to be nobody else's (O_EXCL) is no lock between processes.
 */
static uint32_t open_flags(bool keep, bool is_own, uint32_t flags)
{
	uint32_t answer = keep ? FOPEN_KEEP_CACHE : 0;

	if (is_own || (flags & O_ACCMODE) == O_RDONLY)
		answer |= FOPEN_NOFLUSH;
	return answer;
}

/* Opens a node that exists as `flags` say; *ret gets what the guest is told. */
static int open_node(struct fs *fs, struct node *node, uint32_t flags, struct fuse_open_out *ret)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
	bool reads_cut = (flags & O_ACCMODE) == O_RDONLY && (flags & O_TRUNC) != 0;
	struct statx now;
	autoclose int fd = -1;
	uint64_t number;
	int r;

	if (writes && node_is_read_only(fs, node))
		return -EROFS;
	if (!S_ISREG(node->is.type))
		return S_ISDIR(node->is.type) ? -EISDIR : -EOPNOTSUPP;
	fd = node_open(fs, node, (int)(flags & OPEN_FLAGS) | (reads_cut ? O_RDWR : 0), &now);
	if (fd < 0)
		return fd;
	if ((flags & O_TRUNC) != 0 && ftruncate(fd, 0) < 0)
		return -errno;
	r = handle_add(fs, node, take_fd(&fd), &number);
	if (r < 0)
		return r;
	*ret = (struct fuse_open_out){
		.fh = number,
		.open_flags = open_flags(may_keep_pages(fs, node, &now), false, flags),
	};
	return 0;
}

int serve_open(struct fs *fs, struct request *request)
{
	struct fuse_open_out out;
	int r = open_node(fs, request->node, request->arg.open.flags, &out);

	return r < 0 ? r : request_put(request, &out, sizeof(out));
}

/* The node and handle of a file that was just made; takes fd. */
static int adopt(struct fs *fs, struct request *request, const char *name, int fd)
{
	uint32_t flags = request->arg.create.flags;
	struct statx now;
	struct fuse_entry_out entry;
	struct fuse_open_out out = { 0 };
	struct node *node;
	autoclose int owned = fd;
	int r = beneath_stat_fd(fd, &now);

	if (r == 0)
		r = node_found(fs, request->node, name, &now, &node);
	if (r < 0)
		return r;
	attr_entry(fs, node, &now, &entry);
	r = handle_add(fs, node, take_fd(&owned), &out.fh);
	out.open_flags = open_flags(true, (flags & O_EXCL) != 0, flags);
	if (r == 0)
		r = request_put(request, &entry, sizeof(entry));
	if (r == 0)
		r = request_put(request, &out, sizeof(out));
	if (r < 0)
		node_forget(fs, node, 1);
	return r;
}

/* The name was taken meanwhile, and the guest wants whatever it is. */
static int open_existing(struct fs *fs, struct request *request, const char *name)
{
	struct fuse_entry_out entry;
	struct fuse_open_out out;
	struct node *node;
	int r = attr_lookup(fs, request->node, name, &entry);

	if (r < 0)
		return r;
	node = node_of(fs, entry.nodeid);
	r = open_node(fs, node, request->arg.create.flags, &out);
	if (r == 0)
		r = request_put(request, &entry, sizeof(entry));
	if (r == 0)
		r = request_put(request, &out, sizeof(out));
	if (r < 0)
		node_forget(fs, node, 1);
	return r;
}

static mode_t mode_of(const struct fuse_create_in *in)
{
	return in->mode & ~in->umask & CREATE_MODE;
}

int serve_create(struct fs *fs, struct request *request)
{
	const struct fuse_create_in *in = &request->arg.create;
	int flags = (int)(in->flags & OPEN_FLAGS) | O_CREAT | O_EXCL;
	request_name name;
	int folder, fd, r = request_file_name(request, name);

	if (r < 0)
		return r;
	if (protect_is_pinned(fs, request->node, name))
		return -EROFS;
	folder = node_folder_fd(fs, request->node);
	if (folder < 0)
		return folder;
	watch_folder(fs, request->node);
	/* Always exclusive: a FIFO or link that waits under the name is not opened by this. */
	fd = beneath_open(folder, name, flags, mode_of(in));
	if (fd == -EEXIST && (in->flags & O_EXCL) == 0)
		return open_existing(fs, request, name);
	return fd < 0 ? fd : adopt(fs, request, name, fd);
}

int serve_tmpfile(struct fs *fs, struct request *request)
{
	const struct fuse_create_in *in = &request->arg.create;
	int flags = (int)(in->flags & (OPEN_FLAGS | O_EXCL)) | O_TMPFILE;
	int folder = node_folder_fd(fs, request->node), fd;

	if (folder < 0)
		return folder;
	fd = beneath_open(folder, ".", flags, mode_of(in));
	return fd < 0 ? fd : adopt(fs, request, NULL, fd);
}

int serve_flush(struct fs *fs, struct request *request)
{
	lock_drop_owner(fs, request->node, request->arg.flush.lock_owner);
	return 0;
}

int serve_release(struct fs *fs, struct request *request)
{
	const struct fuse_release_in *in = &request->arg.release;
	struct handle *handle = handle_of(fs, in->fh, request->node);

	if (handle == NULL)
		return -EBADF;
	/* flock(2) ends with the descriptor. */
	handle_remove(fs, handle);
	lock_closed(fs, request->node, in->fh);
	return 0;
}
