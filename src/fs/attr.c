#include "fs/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "fs/beneath.h"
#include "fs/request.h"
#include "fs/serve.h"
#include "fs/session.h"

enum {
	SET_ID_BITS = S_ISUID | S_ISGID,
	MODE_BITS = S_IRWXU | S_IRWXG | S_IRWXO | S_ISVTX, /* that the guest may set */
};

/*
 * The device of the first mount keeps its numbers, so that what git keeps in
 * its index stays true from one start to the next; others are told apart by
 * the upper bits, which file systems in use leave alone.
 */
uint64_t attr_inode(const struct fs *fs, uint64_t device, uint64_t inode)
{
	uint64_t apart = (device - fs->mounts.device) * 0x9e3779b97f4a7c15;

	return inode ^ (apart & 0xffff000000000000);
}

void attr_fill(const struct fs *fs, const struct node *node, const struct statx *from,
	       struct fuse_attr *ret)
{
	*ret = (struct fuse_attr){
		.ino = node_is_root(node) ? FUSE_ROOT_ID
					  : attr_inode(fs, node->is.device, node->is.inode),
		.size = from->stx_size,
		.blocks = from->stx_blocks,
		.atime = (uint64_t)from->stx_atime.tv_sec,
		.mtime = (uint64_t)from->stx_mtime.tv_sec,
		.ctime = (uint64_t)from->stx_ctime.tv_sec,
		.atimensec = from->stx_atime.tv_nsec,
		.mtimensec = from->stx_mtime.tv_nsec,
		.ctimensec = from->stx_ctime.tv_nsec,
		.mode = from->stx_mode & ~(uint32_t)SET_ID_BITS,
		.nlink = from->stx_nlink,
		.uid = fs->config.uid,
		.gid = fs->config.gid,
		.rdev = 0,
		.blksize = from->stx_blksize,
	};
}

uint64_t attr_keep_name_s(struct fs *fs, const struct node *folder)
{
	return fs->coherent && (node_is_root(folder) || watch_covers(folder)) ? FS_KEEP_S : 0;
}

/*
 * A file with a second name may change through it, in a folder that nobody
 * watches. A folder changes with what is in it, which only its own watch tells.
 */
uint64_t attr_keep_s(struct fs *fs, const struct node *node, const struct statx *from)
{
	const struct node *folder;

	if (!fs->coherent || (from->stx_nlink > 1 && !S_ISDIR(node->is.type)))
		return 0;
	if (S_ISDIR(node->is.type))
		return node_is_root(node) || watch_covers(node) ? FS_KEEP_S : 0;
	folder = node->name != NULL ? node_of(fs, node->folder) : NULL;
	return folder != NULL && watch_covers(folder) ? FS_KEEP_S : 0;
}

void attr_entry(struct fs *fs, struct node *node, const struct statx *from,
		struct fuse_entry_out *ret)
{
	const struct node *folder = node_of(fs, node->folder);

	node->lookups++;
	*ret = (struct fuse_entry_out){
		.nodeid = node->id,
		.attr_valid = attr_keep_s(fs, node, from),
	};
	if ((node->flags & NODE_MOUNT) != 0)
		ret->entry_valid = fs->coherent ? FS_KEEP_S : 0;
	else if (folder != NULL)
		ret->entry_valid = attr_keep_name_s(fs, folder);
	if (ret->attr_valid > 0 && ret->entry_valid > 0)
		node->flags |= NODE_FRESH;
	attr_fill(fs, node, from, &ret->attr);
}

static int lookup_mount(struct fs *fs, const char *name, struct fuse_entry_out *ret)
{
	struct mount *mount = mount_named(fs, name);
	struct node *node = mount != NULL ? node_of(fs, mount->node) : NULL;
	struct statx found;
	int r;

	if (node == NULL)
		return -ENOENT;
	watch_folder(fs, node);
	r = node_stat(fs, node, &found);
	if (r == 0)
		attr_entry(fs, node, &found, ret);
	return r;
}

/*
 * Somebody in the guest may wait for changes in a folder that nobody looks
 * into (inotify), so it is marked as soon as it is known. What changed before
 * the mark is seen by a second look.
 */
static void watch_found(struct fs *fs, struct node *node, struct statx *found)
{
	if (!S_ISDIR(node->is.type) || watch_covers(node) || node_folder_fd(fs, node) < 0)
		return;
	watch_folder(fs, node);
	if (watch_covers(node))
		(void)node_stat(fs, node, found);
}

/* The watch stands before the look: what changes after it is told. */
int attr_lookup(struct fs *fs, struct node *folder, const char *name, struct fuse_entry_out *ret)
{
	struct statx found;
	struct node *node;
	int fd, r;

	if (node_is_root(folder))
		return lookup_mount(fs, name, ret);
	fd = node_folder_fd(fs, folder);
	if (fd < 0)
		return fd;
	watch_folder(fs, folder);
	r = beneath_stat(fd, name, &found);
	if (r == 0)
		r = node_found(fs, folder, name, &found, &node);
	if (r < 0)
		return r;
	watch_found(fs, node, &found);
	if (fs->nodes.contended > 0) {
		fs->nodes.contended--;
		node_hold(fs, node);
	}
	attr_entry(fs, node, &found, ret);
	return 0;
}

int attr_reply_lookup(struct fs *fs, struct request *request, struct node *folder, const char *name)
{
	struct fuse_entry_out entry;
	int r = attr_lookup(fs, folder, name, &entry);

	if (r < 0)
		return r;
	r = request_put(request, &entry, sizeof(entry));
	if (r < 0)
		node_forget(fs, node_of(fs, entry.nodeid), 1);
	return r;
}

static int reply_attr(struct fs *fs, struct request *request, const struct statx *now)
{
	struct fuse_attr_out out = { .attr_valid = attr_keep_s(fs, request->node, now) };

	attr_fill(fs, request->node, now, &out.attr);
	return request_put(request, &out, sizeof(out));
}

int serve_getattr(struct fs *fs, struct request *request)
{
	struct statx now;
	int r = 0;

	if (node_is_root(request->node))
		mount_root_stat(fs, &now);
	else
		r = node_stat(fs, request->node, &now);
	return r < 0 ? r : reply_attr(fs, request, &now);
}

/* Only the owner that is shown anyway. */
static int set_owner(const struct fs *fs, const struct fuse_setattr_in *in)
{
	if ((in->valid & FATTR_UID) != 0 && in->uid != fs->config.uid)
		return -EPERM;
	if ((in->valid & FATTR_GID) != 0 && in->gid != fs->config.gid)
		return -EPERM;
	return 0;
}

static int set_mode(const struct fs *fs, int fd, uint32_t mode)
{
	char name[BENEATH_FD_NAME_SIZE];
	struct statx now;
	int r = beneath_stat_fd(fd, &now);

	if (r < 0)
		return r;
	if (S_ISLNK(now.stx_mode))
		return -EOPNOTSUPP;
	mode &= MODE_BITS;
	if (S_ISDIR(now.stx_mode)) /* what the host's user set on a folder stays */
		mode |= now.stx_mode & SET_ID_BITS;
	beneath_fd_name(fd, name);
	return fchmodat(fs->config.proc_fd, name, mode, 0) < 0 ? -errno : 0;
}

static int set_size(struct fs *fs, struct request *request)
{
	const struct fuse_setattr_in *in = &request->arg.setattr;
	struct handle *handle = NULL;
	autoclose int opened = -1;
	struct statx now;

	if (in->size > INT64_MAX)
		return -EFBIG;
	if ((in->valid & FATTR_FH) != 0)
		handle = handle_of(fs, in->fh, request->node);
	if (handle == NULL) {
		opened = node_open(fs, request->node, O_WRONLY, &now);
		if (opened < 0)
			return opened;
	}
	return ftruncate(handle != NULL ? handle->fd : opened, (off_t)in->size) < 0 ? -errno : 0;
}

static struct timespec time_to_set(uint32_t valid, uint32_t set, uint32_t set_now, uint64_t s,
				   uint32_t ns)
{
	if ((valid & set_now) != 0)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	if ((valid & set) != 0)
		return (struct timespec){ .tv_sec = (time_t)s, .tv_nsec = min_of(ns, 999999999U) };
	return (struct timespec){ .tv_nsec = UTIME_OMIT };
}

static int set_times(int fd, const struct fuse_setattr_in *in)
{
	struct timespec times[2] = {
		time_to_set(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
		time_to_set(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
	};

	return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* Mode and times are set through a descriptor of the inode itself. */
static int set_mode_and_times(struct fs *fs, struct request *request)
{
	const struct fuse_setattr_in *in = &request->arg.setattr;
	struct statx now;
	autoclose int fd = node_open(fs, request->node, O_PATH, &now);
	int r = 0;

	if (fd < 0)
		return fd;
	if ((in->valid & FATTR_MODE) != 0)
		r = set_mode(fs, fd, in->mode);
	if (r == 0 && (in->valid & (FATTR_ATIME | FATTR_MTIME)) != 0)
		r = set_times(fd, in);
	return r;
}

int serve_setattr(struct fs *fs, struct request *request)
{
	uint32_t valid = request->arg.setattr.valid;
	struct statx now;
	int r = set_owner(fs, &request->arg.setattr);

	if (r == 0 && (valid & FATTR_SIZE) != 0)
		r = set_size(fs, request);
	if (r == 0 && (valid & (FATTR_MODE | FATTR_ATIME | FATTR_MTIME)) != 0)
		r = set_mode_and_times(fs, request);
	if (r == 0)
		r = node_stat(fs, request->node, &now);
	return r < 0 ? r : reply_attr(fs, request, &now);
}
