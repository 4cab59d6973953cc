/*
 * What is to be told to the guest: a bounded queue in front of its
 * notification buffers. A full queue drops; whoever must not lose one looks at
 * notify_room() first. Messages are those of <linux/fuse.h>, and one of our own
 * (guest/kernel/README.md), which raises inotify events in the guest.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/fs.h"

struct fs;

enum { NOTIFY_QUEUE = 32 };

struct notify {
	struct notify_item {
		uint16_t len;
		uint8_t bytes[FS_NOTIFICATION_MAX];
	} item[NOTIFY_QUEUE];
	unsigned first, count;
};

/* An event for watchers in the guest; mask and cookie are those of inotify(7). */
struct notify_event {
	uint64_t folder, node; /* ids, 0: unknown */
	uint32_t mask;
	uint32_t cookie;
	const char *name; /* in folder; NULL without */
};

static inline unsigned notify_room(const struct notify *notify)
{
	return NOTIFY_QUEUE - notify->count;
}

/* The name has another meaning; expire: perhaps, so ask at the next use, keep it mounted on. */
void notify_entry(struct notify *notify, uint64_t folder, const char *name, bool expire);

/* The name and its last inode are gone. */
void notify_delete(struct notify *notify, uint64_t folder, uint64_t node, const char *name);

/* Attributes changed; data: cached pages (of a folder: the listing) are stale, too. */
void notify_inode(struct notify *notify, uint64_t node, bool data);

void notify_event(struct notify *notify, const struct notify_event *event);

/* Sends what fits; returns whether the queue is empty. Drops all if the guest takes none. */
bool notify_flush(struct fs *fs);

#endif
