/*
 * The root of the device: a virtual folder, node FUSE_ROOT_ID, whose entries
 * are the mounts. A mount is a folder or a single regular file, held open for
 * as long as it is mounted; its node is pinned. Names of mounts are never
 * looked up on the host. Hard links and renames from one mount to another are
 * refused (-EXDEV), since each is a file system of its own to the guest's user.
 * What is mounted read-only is so within every other mount, too (protect.h).
 */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fs/beneath.h"
#include "fs/fs.h"
#include "fs/node.h"

struct fs;

enum { MOUNT_ROOT = FS_MOUNTS_MAX }; /* the mount index of the virtual root itself */

struct mount {
	char name[BENEATH_NAME_MAX + 1]; /* empty: the slot is free */
	int fd;				 /* owned, O_PATH */
	uint64_t node;			 /* id */
	struct node_identity is;	 /* of the folder or file itself */
	bool read_only;
};

struct mount_table {
	struct mount slot[FS_MOUNTS_MAX];
	unsigned read_only;	 /* how many of them are */
	struct timespec changed; /* when the last one came or went */
	uint64_t device;	 /* of the first mount; see attr_inode() */
};

/* Makes the root's node. */
int mount_init(struct fs *fs);
void mount_finish(struct fs *fs);

/* Its mount is, or the mount protects it (protect.h). */
bool node_is_read_only(const struct fs *fs, const struct node *node);
bool node_is_root(const struct node *node);

/* The mount of that name, or NULL. */
struct mount *mount_named(struct fs *fs, const char *name);

/* The virtual root's attributes. */
void mount_root_stat(const struct fs *fs, struct statx *ret);

#endif
