#include "fs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "fs/session.h"

/* The root exists before any mount, so it gets the table's first slot: id 1, FUSE_ROOT_ID. */
int mount_init(struct fs *fs)
{
	struct node root = { .is = { .mount = MOUNT_ROOT } };
	struct statx stat;
	struct node *node;
	int r;

	for (size_t i = 0; i < FS_MOUNTS_MAX; i++)
		fs->mounts.slot[i] = (struct mount){ .fd = -1 };
	(void)clock_gettime(CLOCK_REALTIME, &fs->mounts.changed);
	mount_root_stat(fs, &stat);
	r = node_found(fs, &root, NULL, &stat, &node);
	if (r < 0)
		return r;
	node->flags = NODE_MOUNT;
	return 0;
}

void mount_finish(struct fs *fs)
{
	for (size_t i = 0; i < FS_MOUNTS_MAX; i++)
		if (fs->mounts.slot[i].name[0] != '\0')
			(void)close(fs->mounts.slot[i].fd);
}

bool node_is_root(const struct node *node)
{
	return node->is.mount == MOUNT_ROOT;
}

bool node_is_read_only(const struct fs *fs, const struct node *node)
{
	return node_is_root(node) || (node->flags & NODE_LOCKED) != 0 ||
	       fs->mounts.slot[node->is.mount].read_only;
}

struct mount *mount_named(struct fs *fs, const char *name)
{
	for (size_t i = 0; i < FS_MOUNTS_MAX; i++)
		if (fs->mounts.slot[i].name[0] != '\0' &&
		    strcmp(fs->mounts.slot[i].name, name) == 0)
			return &fs->mounts.slot[i];
	return NULL;
}

void mount_root_stat(const struct fs *fs, struct statx *ret)
{
	struct statx_timestamp changed = {
		.tv_sec = fs->mounts.changed.tv_sec,
		.tv_nsec = (uint32_t)fs->mounts.changed.tv_nsec,
	};

	*ret = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_mode = S_IFDIR | 0755,
		.stx_nlink = 2,
		.stx_ino = FUSE_ROOT_ID,
		.stx_blksize = 4096,
		.stx_atime = changed,
		.stx_mtime = changed,
		.stx_ctime = changed,
	};
}

static struct mount *free_slot(struct fs *fs)
{
	for (size_t i = 0; i < FS_MOUNTS_MAX; i++)
		if (fs->mounts.slot[i].name[0] == '\0')
			return &fs->mounts.slot[i];
	return NULL;
}

/* The guest's view of the root changed. */
static void root_changed(struct fs *fs, const char *name)
{
	(void)clock_gettime(CLOCK_REALTIME, &fs->mounts.changed);
	notify_entry(&fs->notify, FUSE_ROOT_ID, name, false);
	notify_inode(&fs->notify, FUSE_ROOT_ID, true);
	(void)notify_flush(fs);
}

/* Makes the pinned node of a mount whose slot, fd and attributes are known. */
static int make_node(struct fs *fs, struct mount *mount, const struct statx *stat)
{
	struct node folder = { .is = { .mount = (uint16_t)(mount - fs->mounts.slot) } };
	struct node *node;
	int r = node_found(fs, &folder, NULL, stat, &node);

	if (r < 0)
		return r;
	node->flags |= NODE_MOUNT;
	node->fd = mount->fd;
	mount->node = node->id;
	mount->is = node->is;
	if (mount->read_only)
		protect_read_only(fs, mount);
	else
		protect_mount(fs, node, mount->fd);
	if (fs->mounts.device == 0)
		fs->mounts.device = node->is.device;
	return 0;
}

int fs_mount(struct fs *fs, const char *name, int fd, bool read_only)
{
	autoclose int owned = fd;
	struct mount *mount = free_slot(fs);
	struct statx stat;
	int r;

	if (!name_is_valid(name))
		return -EINVAL;
	if (mount_named(fs, name) != NULL)
		return -EEXIST;
	if (mount == NULL)
		return -ENOSPC;
	r = beneath_stat_fd(fd, &stat);
	if (r < 0)
		return r;
	if (!S_ISDIR(stat.stx_mode) && !S_ISREG(stat.stx_mode))
		return -EINVAL;
	mount->fd = fd;
	mount->read_only = read_only;
	r = make_node(fs, mount, &stat);
	if (r < 0)
		return r;
	(void)take_fd(&owned);
	memcpy(mount->name, name, strlen(name) + 1);
	fs->mounts.read_only += read_only;
	root_changed(fs, name);
	return 0;
}

int fs_unmount(struct fs *fs, const char *name)
{
	struct mount *mount = mount_named(fs, name);
	uint16_t index;

	if (mount == NULL)
		return -ENOENT;
	index = (uint16_t)(mount - fs->mounts.slot);
	for (uint32_t slot = 1; slot < fs->nodes.slots; slot++) {
		struct node *node = node_at(fs, slot);

		if (node == NULL || node->is.mount != index)
			continue;
		watch_drop(fs, node); /* while there is a descriptor to take the mark from */
		if ((node->flags & NODE_MOUNT) != 0)
			node->fd = -1; /* closed below */
		node_kill(fs, node);
	}
	(void)close(mount->fd);
	fs->mounts.read_only -= mount->read_only;
	*mount = (struct mount){ .fd = -1 };
	root_changed(fs, name);
	return 0;
}
