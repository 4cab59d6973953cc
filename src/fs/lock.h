/*
 * Locks that hold against processes of the host, too.
 *
 * flock(2): each handle is an open file of its own on the host, so the lock is
 * taken on the handle's descriptor. POSIX record locks: each owner (a process
 * of the guest) gets a descriptor of its own for each file that it locks, and
 * the locks are open-file-description locks (F_OFD_SETLK) on it. So the host's
 * kernel decides all conflicts, between two guest processes as well.
 *
 * Nothing here waits. A request that must (SETLKW) is remembered and tried
 * again when the guest lets a lock go, and every few milliseconds for locks
 * that the host holds.
 */
#ifndef FS_LOCK_H
#define FS_LOCK_H

#include <linux/fuse.h>
#include <stddef.h>
#include <stdint.h>

struct fs;
struct node;

enum { LOCK_OWNERS_MAX = 512, LOCK_WAITERS_MAX = 128 };

struct lock_owner {
	uint64_t node;	/* id */
	uint64_t owner; /* as the guest calls it */
	uint64_t fh;	/* the handle it locked through last */
	uint32_t pid;	/* in the guest */
	int fd;		/* owned; the locks are on it */
};

struct lock_waiter {
	uint64_t node;
	uint64_t unique; /* of the request */
	uint64_t token;	 /* of fs_serve() */
	struct fuse_lk_in wish;
};

struct lock_table {
	struct lock_owner owner[LOCK_OWNERS_MAX];    /* the first `owners` */
	struct lock_waiter waiter[LOCK_WAITERS_MAX]; /* the first `waiters`, oldest first */
	size_t owners, waiters;
};

/* Forgets all; nobody is answered. */
void lock_table_clear(struct lock_table *table);

/* The process closed the file: its record locks are gone. */
void lock_drop_owner(struct fs *fs, struct node *node, uint64_t owner);

/* The handle is closed: so are the owners that locked through it, and others may go on. */
void lock_closed(struct fs *fs, struct node *node, uint64_t fh);

/* The node ends. */
void lock_drop_node(struct fs *fs, const struct node *node);

/* The request of that number need not wait any more. */
void lock_interrupt(struct fs *fs, uint64_t unique);

#endif
