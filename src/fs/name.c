/*
 * Names come, go and move. Every operation is one system call on one or two
 * held folders; what the table of nodes knows about the names follows it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/attr.h"
#include "fs/request.h"
#include "fs/serve.h"
#include "fs/session.h"

enum {
	NEW_MODE = S_IRWXU | S_IRWXG | S_IRWXO,
	RENAME_FLAGS = RENAME_NOREPLACE | RENAME_EXCHANGE,
};

/* The request's next name, to be made or unmade, and its folder, watched from here on. */
static int folder_and_name(struct fs *fs, struct request *request, struct node *folder,
			   request_name name)
{
	int fd, r = request_file_name(request, name);

	if (r < 0)
		return r;
	if (node_is_read_only(fs, folder) || protect_is_pinned(fs, folder, name))
		return -EROFS;
	fd = node_folder_fd(fs, folder);
	if (fd >= 0)
		watch_folder(fs, folder);
	return fd;
}

/* Nothing to open stands behind these types, or it is the guest's own affair. */
static bool may_make(uint32_t mode)
{
	return S_ISREG(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
}

int serve_mknod(struct fs *fs, struct request *request)
{
	const struct fuse_mknod_in *in = &request->arg.mknod;
	mode_t mode = (in->mode & S_IFMT) | (in->mode & ~in->umask & NEW_MODE);
	request_name name;
	int folder;

	if (!may_make(in->mode))
		return -EPERM;
	folder = folder_and_name(fs, request, request->node, name);
	if (folder < 0)
		return folder;
	if (mknodat(folder, name, mode, 0) < 0)
		return -errno;
	return attr_reply_lookup(fs, request, request->node, name);
}

int serve_mkdir(struct fs *fs, struct request *request)
{
	const struct fuse_mkdir_in *in = &request->arg.mkdir;
	request_name name;
	int folder = folder_and_name(fs, request, request->node, name);

	if (folder < 0)
		return folder;
	if (mkdirat(folder, name, in->mode & ~in->umask & (NEW_MODE | S_ISVTX)) < 0)
		return -errno;
	return attr_reply_lookup(fs, request, request->node, name);
}

int serve_symlink(struct fs *fs, struct request *request)
{
	char *target = (char *)fs->scratch;
	request_name name;
	int folder = folder_and_name(fs, request, request->node, name), r;

	if (folder < 0)
		return folder;
	r = request_string(request, target, PATH_MAX);
	if (r < 0)
		return r;
	/* Where it points to is text; nothing here ever follows it. */
	if (symlinkat(target, folder, name) < 0)
		return -errno;
	return attr_reply_lookup(fs, request, request->node, name);
}

int serve_readlink(struct fs *fs, struct request *request)
{
	struct statx now;
	autoclose int fd = -1;
	ssize_t len;

	if (!S_ISLNK(request->node->is.type))
		return -EINVAL;
	fd = node_open(fs, request->node, O_PATH, &now);
	if (fd < 0)
		return fd;
	len = readlinkat(fd, "", (char *)fs->scratch, FS_SCRATCH_SIZE);
	return len < 0 ? -errno : request_put(request, fs->scratch, (size_t)len);
}

int serve_link(struct fs *fs, struct request *request)
{
	struct node *node = node_of(fs, request->arg.link.oldnodeid);
	char from[BENEATH_FD_NAME_SIZE];
	request_name name;
	struct statx now;
	autoclose int fd = -1;
	int folder = folder_and_name(fs, request, request->node, name);

	if (folder < 0)
		return folder;
	if (node == NULL)
		return -ESTALE;
	if (node->is.mount != request->node->is.mount)
		return -EXDEV;
	if (node_is_read_only(fs, node))
		return -EROFS;
	fd = node_open(fs, node, O_PATH, &now);
	if (fd < 0)
		return fd;
	beneath_fd_name(fd, from);
	if (linkat(fs->config.proc_fd, from, folder, name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return attr_reply_lookup(fs, request, request->node, name);
}

/* The name is about to mean nothing or another file; somebody may be about to open this one. */
static void hold_named(struct fs *fs, const struct node *folder, const char *name)
{
	struct node *node = node_named(fs, folder, name);

	if (node != NULL)
		node_hold(fs, node);
}

static int remove_name(struct fs *fs, struct request *request, int flags)
{
	request_name name;
	int folder = folder_and_name(fs, request, request->node, name);
	struct node *node;

	if (folder < 0)
		return folder;
	hold_named(fs, request->node, name);
	if (unlinkat(folder, name, flags) < 0)
		return -errno;
	node = node_named(fs, request->node, name);
	if (node != NULL)
		node_unplace(fs, node);
	return 0;
}

int serve_unlink(struct fs *fs, struct request *request)
{
	return remove_name(fs, request, 0);
}

int serve_rmdir(struct fs *fs, struct request *request)
{
	return remove_name(fs, request, AT_REMOVEDIR);
}

/* The table follows a rename that happened. */
static void move_nodes(struct fs *fs, struct node *from, const char *from_name, struct node *to,
		       const char *to_name, uint32_t flags)
{
	struct node *moved = node_named(fs, from, from_name);
	struct node *other = node_named(fs, to, to_name);

	if (other != NULL && other != moved)
		node_unplace(fs, other);
	if (moved != NULL)
		node_place(fs, moved, to, to_name);
	if (other != NULL && other != moved && (flags & RENAME_EXCHANGE) != 0)
		node_place(fs, other, from, from_name);
}

static int rename_in(struct fs *fs, struct request *request, uint64_t to_id, uint32_t flags)
{
	struct node *from = request->node, *to = node_of(fs, to_id);
	request_name from_name, to_name;
	int from_fd = folder_and_name(fs, request, from, from_name), to_fd;

	if (from_fd < 0)
		return from_fd;
	if (to == NULL)
		return -ESTALE;
	if (to->is.mount != from->is.mount)
		return -EXDEV;
	to_fd = folder_and_name(fs, request, to, to_name);
	if (to_fd < 0)
		return to_fd;
	hold_named(fs, to, to_name);
	if (renameat2(from_fd, from_name, to_fd, to_name, flags) < 0)
		return -errno;
	move_nodes(fs, from, from_name, to, to_name, flags);
	return 0;
}

int serve_rename(struct fs *fs, struct request *request)
{
	return rename_in(fs, request, request->arg.rename.newdir, 0);
}

int serve_rename2(struct fs *fs, struct request *request)
{
	const struct fuse_rename2_in *in = &request->arg.rename2;

	/* RENAME_WHITEOUT would make a device node. */
	if ((in->flags & ~(uint32_t)RENAME_FLAGS) != 0)
		return -EINVAL;
	return rename_in(fs, request, in->newdir, in->flags);
}
