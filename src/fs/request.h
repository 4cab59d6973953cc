/*
 * One FUSE request while it is served.
 *
 * The header and the fixed arguments of the operation are copied before
 * anything looks at them; names are copied when they are read. What the guest
 * changes in its memory meanwhile changes nothing here.
 */
#ifndef FS_REQUEST_H
#define FS_REQUEST_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/iov.h"
#include "fs/beneath.h"

struct fs;
struct node;

/* What a handler returns beside 0 (reply with what was put in `out`) and -errno. */
enum {
	REPLY_NONE = 1,	 /* this operation has no reply */
	REPLY_LATER = 2, /* fs_host_impl.answer will bring it */
};

struct request {
	struct fuse_in_header head;
	struct node *node; /* head.nodeid; NULL for operations that have none */
	struct iov in;	   /* what follows the fixed arguments */
	struct iov out;	   /* room for the body of the reply */
	uint64_t token;
	union {
		struct fuse_forget_in forget;
		struct fuse_batch_forget_in batch_forget;
		struct fuse_getattr_in getattr;
		struct fuse_setattr_in setattr;
		struct fuse_mknod_in mknod;
		struct fuse_mkdir_in mkdir;
		struct fuse_rename_in rename;
		struct fuse_rename2_in rename2;
		struct fuse_link_in link;
		struct fuse_open_in open;
		struct fuse_create_in create;
		struct fuse_read_in read;
		struct fuse_write_in write;
		struct fuse_release_in release;
		struct fuse_flush_in flush;
		struct fuse_fsync_in fsync;
		struct fuse_setxattr_in setxattr;
		struct fuse_getxattr_in getxattr;
		struct fuse_init_in init;
		struct fuse_lk_in lock;
		struct fuse_interrupt_in interrupt;
		struct fuse_fallocate_in fallocate;
		struct fuse_lseek_in lseek;
		struct fuse_copy_file_range_in copy;
	} arg;
};

typedef char request_name[BENEATH_NAME_MAX + 1];

/* Takes the next NUL-terminated string of at most size - 1 bytes; -EINVAL, -ENAMETOOLONG. */
int request_string(struct request *request, char *to, size_t size);

/* The same for the name of a file; -EINVAL unless name_is_valid(). */
int request_file_name(struct request *request, request_name to);

/* Puts bytes of the reply; -EIO when the guest gave no room. */
int request_put(struct request *request, const void *bytes, size_t len);

#endif
