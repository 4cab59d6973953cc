/*
 * What the files of this folder share: the state of one device.
 */
#ifndef FS_SESSION_H
#define FS_SESSION_H

#include "fs/dir.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/lock.h"
#include "fs/mount.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/protect.h"
#include "fs/watch.h"

/* Seconds the guest may keep what it learnt when changes are pushed to it. */
enum { FS_KEEP_S = 86400 };

enum { FS_SCRATCH_SIZE = 65536 }; /* XATTR_SIZE_MAX, and more than any link or list */

struct fs {
	struct fs_config config;
	bool coherent; /* the guest takes notifications and the host is watched */
	struct mount_table mounts;
	struct node_table nodes;
	struct handle_table handles;
	struct dir_table dirs;
	struct lock_table locks;
	struct protect protect;
	struct watch watch;
	struct notify notify;
	uint8_t scratch[FS_SCRATCH_SIZE]; /* of the request being served */
};

#endif
