#include "fs/notify.h"

#include <linux/fuse.h>
#include <string.h>

#include "fs/session.h"

enum { NOTIFY_FSNOTIFY = 100 }; /* guest/kernel/README.md */

struct notify_fsnotify_out {
	uint64_t parent;
	uint64_t child;
	uint32_t mask;
	uint32_t namelen;
	uint32_t cookie;
	uint32_t padding;
};

/* Header, body, name (NULL: none) with its NUL. */
static void put(struct notify *notify, int code, const void *body, size_t size, const char *name)
{
	size_t name_size = name != NULL ? strlen(name) + 1 : 0;
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + size + name_size),
		.error = code,
	};
	struct notify_item *item;

	if (notify->count == NOTIFY_QUEUE || header.len > sizeof(item->bytes))
		return;
	item = &notify->item[(notify->first + notify->count) % NOTIFY_QUEUE];
	notify->count++;
	item->len = (uint16_t)header.len;
	memcpy(item->bytes, &header, sizeof(header));
	memcpy(item->bytes + sizeof(header), body, size);
	if (name != NULL)
		memcpy(item->bytes + sizeof(header) + size, name, name_size);
}

void notify_entry(struct notify *notify, uint64_t folder, const char *name, bool expire)
{
	struct fuse_notify_inval_entry_out body = {
		.parent = folder,
		.namelen = (uint32_t)strlen(name),
		.flags = expire ? FUSE_EXPIRE_ONLY : 0,
	};

	put(notify, FUSE_NOTIFY_INVAL_ENTRY, &body, sizeof(body), name);
}

void notify_delete(struct notify *notify, uint64_t folder, uint64_t node, const char *name)
{
	struct fuse_notify_delete_out body = {
		.parent = folder,
		.child = node,
		.namelen = (uint32_t)strlen(name),
	};

	put(notify, FUSE_NOTIFY_DELETE, &body, sizeof(body), name);
}

void notify_inode(struct notify *notify, uint64_t node, bool data)
{
	struct fuse_notify_inval_inode_out body = { .ino = node, .off = data ? 0 : -1 };

	put(notify, FUSE_NOTIFY_INVAL_INODE, &body, sizeof(body), NULL);
}

void notify_event(struct notify *notify, const struct notify_event *event)
{
	const char *name = event->name != NULL ? event->name : "";
	struct notify_fsnotify_out body = {
		.parent = event->folder,
		.child = event->node,
		.mask = event->mask,
		.namelen = (uint32_t)strlen(name),
		.cookie = event->cookie,
	};

	put(notify, NOTIFY_FSNOTIFY, &body, sizeof(body), name);
}

bool notify_flush(struct fs *fs)
{
	struct notify *notify = &fs->notify;
	const struct fs_host_impl *impl = fs->config.impl;

	if (!fs->coherent)
		notify->count = 0;
	while (notify->count > 0) {
		const struct notify_item *item = &notify->item[notify->first];

		if (impl->notify(fs->config.host, item->bytes, item->len) < 0)
			return false;
		notify->first = (notify->first + 1) % NOTIFY_QUEUE;
		notify->count--;
	}
	return true;
}
