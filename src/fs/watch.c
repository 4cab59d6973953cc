#include "fs/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "fs/beneath.h"
#include "fs/session.h"

enum {
	HANDLE_MAX = 64, /* bytes of a file handle; real ones have 8 to 40 */
	NAME_EVENTS = FAN_CREATE | FAN_DELETE | FAN_RENAME,
	FILE_EVENTS = FAN_MODIFY | FAN_ATTRIB | FAN_CLOSE_WRITE,
};

/* A marked folder: how events name it, and which node it is. */
struct watched {
	struct watched *next;
	struct node *node; /* weak: drops this before it ends */
	uint64_t fsid;
	int type;
	uint32_t len;
	uint8_t bytes[];
};

struct handle_key {
	uint64_t fsid;
	int type;
	uint32_t len;
	const uint8_t *bytes;
};

void watch_init(struct watch *watch)
{
	*watch = (struct watch){ .fd = -1 };
}

void watch_finish(struct fs *fs)
{
	if (fs->watch.fd >= 0)
		(void)close(fs->watch.fd);
	free(fs->watch.buckets);
}

static int open_group(struct watch *watch)
{
	watch->buckets = calloc(WATCH_BUCKETS, sizeof(*watch->buckets));
	if (watch->buckets == NULL)
		return -ENOMEM;
	watch->fd = fanotify_init(
		FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY);
	return watch->fd < 0 ? -errno : 0;
}

bool watch_start(struct fs *fs)
{
	struct watch *watch = &fs->watch;

	if (!fs->config.impl->can_notify(fs->config.host))
		return false;
	watch->self = getpid();
	return watch->fd >= 0 || (watch->buckets == NULL && open_group(watch) == 0);
}

bool watch_covers(const struct node *folder)
{
	return folder->watched != NULL;
}

static uint32_t bucket_of(const struct handle_key *key)
{
	uint64_t hash = key->fsid;

	for (uint32_t i = 0; i < key->len; i++)
		hash = (hash ^ key->bytes[i]) * 0x100000001b3;
	return (uint32_t)((hash ^ (hash >> 32)) % WATCH_BUCKETS);
}

static struct handle_key key_of(const struct watched *watched)
{
	return (struct handle_key){ watched->fsid, watched->type, watched->len, watched->bytes };
}

static struct node *find(const struct watch *watch, const struct handle_key *key)
{
	struct watched *watched = watch->buckets[bucket_of(key)];

	for (; watched != NULL; watched = watched->next)
		if (watched->fsid == key->fsid && watched->type == key->type &&
		    watched->len == key->len && memcmp(watched->bytes, key->bytes, key->len) == 0)
			return watched->node;
	return NULL;
}

static uint64_t fsid_of(const void *id)
{
	uint64_t fsid;

	memcpy(&fsid, id, sizeof(fsid));
	return fsid;
}

/* The id by which events name the file system of fd; one system call a device in a row. */
static int learn_fsid(struct watch *watch, const struct node *folder)
{
	struct statfs stat;

	if (watch->device == folder->is.device && watch->fsid != 0)
		return 0;
	if (fstatfs(folder->fd, &stat) < 0)
		return -errno;
	watch->device = folder->is.device;
	watch->fsid = fsid_of(&stat.f_fsid);
	return 0;
}

static struct watched *watched_make(struct watch *watch, struct node *folder)
{
	union {
		struct file_handle head;
		uint8_t space[sizeof(struct file_handle) + HANDLE_MAX];
	} handle = { .head = { .handle_bytes = HANDLE_MAX } };
	struct watched *made;
	int mount_id;

	if (learn_fsid(watch, folder) < 0 ||
	    name_to_handle_at(folder->fd, "", &handle.head, &mount_id, AT_EMPTY_PATH) < 0)
		return NULL;
	made = malloc(sizeof(*made) + handle.head.handle_bytes);
	if (made == NULL)
		return NULL;
	*made = (struct watched){
		.node = folder,
		.fsid = watch->fsid,
		.type = handle.head.handle_type,
		.len = handle.head.handle_bytes,
	};
	memcpy(made->bytes, handle.head.f_handle, made->len);
	return made;
}

static int mark(const struct watch *watch, int folder, unsigned how)
{
	uint64_t events = NAME_EVENTS | FILE_EVENTS | FAN_ONDIR | FAN_EVENT_ON_CHILD;

	return fanotify_mark(watch->fd, how | FAN_MARK_ONLYDIR, events, folder, ".") < 0 ? -errno
											 : 0;
}

void watch_folder(struct fs *fs, struct node *folder)
{
	struct watch *watch = &fs->watch;
	struct watched *made, **bucket;
	struct handle_key key;

	if (!fs->coherent || folder->watched != NULL || folder->fd < 0 || !S_ISDIR(folder->is.type))
		return;
	made = watched_make(watch, folder);
	if (made == NULL)
		return;
	if (mark(watch, folder->fd, FAN_MARK_ADD) < 0) {
		free(made);
		return;
	}
	key = key_of(made);
	bucket = &watch->buckets[bucket_of(&key)];
	made->next = *bucket;
	*bucket = made;
	folder->watched = made;
}

void watch_drop(struct fs *fs, struct node *node)
{
	struct watched *watched = node->watched, **place;
	struct handle_key key;

	if (watched == NULL)
		return;
	key = key_of(watched);
	place = &fs->watch.buckets[bucket_of(&key)];
	while (*place != watched)
		place = &(*place)->next;
	*place = watched->next;
	/* Another node may stand for the same folder in another mount: then the mark stays. */
	if (find(&fs->watch, &key) == NULL && node->fd >= 0)
		(void)mark(&fs->watch, node->fd, FAN_MARK_REMOVE);
	free(watched);
	node->watched = NULL;
}

/* A place that an event names. */
struct place {
	struct node *folder; /* NULL: not one that the guest knows */
	const char *name;    /* "." for the folder itself */
};

static uint32_t guest_mask(uint64_t mask, uint64_t events)
{
	uint32_t passed = (uint32_t)(mask & events & (FAN_CREATE | FAN_DELETE | FILE_EVENTS));

	return passed | ((mask & FAN_ONDIR) != 0 ? IN_ISDIR : 0);
}

/* The node of folder/name: as it is known, or as it stands there now. */
static struct node *node_at_place(struct fs *fs, const struct place *place)
{
	struct node *node = node_named(fs, place->folder, place->name);
	struct node_identity is;
	struct statx now;

	if (node != NULL)
		return node;
	if (beneath_stat(place->folder->fd, place->name, &now) < 0)
		return NULL;
	is = node_identify(&now, place->folder->is.mount);
	return node_known(fs, &is);
}

/* The folder itself: its attributes, nothing else. */
static void folder_event(struct fs *fs, struct node *folder, uint64_t mask)
{
	struct notify_event event = { .node = folder->id, .mask = guest_mask(mask, FAN_ATTRIB) };

	notify_inode(&fs->notify, folder->id, false);
	if ((event.mask & IN_ATTRIB) != 0)
		notify_event(&fs->notify, &event);
}

/*
 * A file was written or its attributes changed. An inode that the guest is
 * only just learning would not be found there, so a name that cannot be is
 * declared stale first: for that the guest takes the folder's lock, which a
 * lookup holds until its reply is in place. The real name is left alone,
 * because Linux drops an unused entry that expires, and with it the inode
 * whose watchers are to be told.
 */
static void file_event(struct fs *fs, const struct place *place, struct node *node, uint64_t mask)
{
	if (node == NULL)
		return;
	notify_entry(&fs->notify, place->folder->id, ".", true);
	notify_inode(&fs->notify, node->id, (mask & (FAN_MODIFY | FAN_CLOSE_WRITE)) != 0);
}

/* A name came, went, or means another file. */
static void name_event(struct fs *fs, const struct place *place, struct node *node)
{
	struct statx now;
	bool is_gone = node != NULL && node_stat(fs, node, &now) == 0 && now.stx_nlink == 0;

	if (is_gone)
		notify_delete(&fs->notify, place->folder->id, node->id, place->name);
	else
		notify_entry(&fs->notify, place->folder->id, place->name, false);
	if (node != NULL)
		notify_inode(&fs->notify, node->id, false);
	notify_inode(&fs->notify, place->folder->id, true);
}

static void tell_watchers(struct fs *fs, const struct place *place, const struct node *node,
			  uint32_t mask, uint32_t cookie)
{
	struct notify_event event = {
		.folder = place->folder->id,
		.node = node != NULL ? node->id : 0,
		.mask = mask,
		.cookie = cookie,
		.name = place->name,
	};

	if ((mask & ~(uint32_t)IN_ISDIR) != 0)
		notify_event(&fs->notify, &event);
}

/* Events other than renames, which name one place. */
static void handle_place(struct fs *fs, const struct place *place, uint64_t mask)
{
	struct node *known, *node;

	if (place->folder == NULL)
		return;
	if (strcmp(place->name, ".") == 0) {
		folder_event(fs, place->folder, mask);
		return;
	}
	known = node_named(fs, place->folder, place->name);
	if ((mask & (FAN_CREATE | FAN_DELETE)) != 0)
		name_event(fs, place, known);
	node = (mask & FAN_DELETE) != 0 ? known : node_at_place(fs, place);
	if ((mask & FILE_EVENTS) != 0)
		file_event(fs, place, node, mask);
	tell_watchers(fs, place, node, guest_mask(mask, ~0ULL), 0);
	if ((mask & FAN_DELETE) != 0 && known != NULL)
		node_unplace(fs, known);
}

/* One half of a rename. A file that replaced another may bring content that nobody saw. */
static void handle_half(struct fs *fs, const struct place *place, struct node *moved, uint64_t mask,
			uint32_t half, uint32_t cookie)
{
	struct node *known;

	if (place->folder == NULL)
		return;
	known = node_named(fs, place->folder, place->name);
	name_event(fs, place, known);
	if (moved != NULL && half == IN_MOVED_TO)
		notify_inode(&fs->notify, moved->id, true);
	tell_watchers(fs, place, moved, half | guest_mask(mask, 0), cookie);
}

static void handle_rename(struct fs *fs, const struct place *from, const struct place *to,
			  uint64_t mask)
{
	uint32_t cookie = ++fs->watch.cookie;
	struct node *moved = from->folder != NULL ? node_named(fs, from->folder, from->name) : NULL;

	handle_half(fs, from, moved, mask, IN_MOVED_FROM, cookie);
	handle_half(fs, to, moved, mask, IN_MOVED_TO, cookie);
	if (moved == NULL)
		return;
	if (to->folder != NULL && to->folder->is.mount == moved->is.mount)
		node_place(fs, moved, to->folder, to->name);
	else
		node_unplace(fs, moved);
}

/* Folder and name of one information record; false when it is not of that type or too short. */
static bool read_place(const struct watch *watch, const uint8_t *record, size_t len,
		       struct place *ret)
{
	struct fanotify_event_info_fid info;
	struct file_handle handle;
	struct handle_key key;
	size_t head = offsetof(struct fanotify_event_info_fid, handle) + sizeof(handle);

	if (len < head)
		return false;
	memcpy(&info, record, sizeof(info));
	memcpy(&handle, record + head - sizeof(handle), sizeof(handle));
	if (handle.handle_bytes > len - head || memchr(record + head + handle.handle_bytes, '\0',
						       len - head - handle.handle_bytes) == NULL)
		return false;
	key = (struct handle_key){
		.fsid = fsid_of(&info.fsid),
		.type = handle.handle_type,
		.len = handle.handle_bytes,
		.bytes = record + head,
	};
	ret->folder = find(watch, &key);
	ret->name = (const char *)record + head + handle.handle_bytes;
	return true;
}

/* Splits an event into its records, which follow its metadata. */
static void handle_event(struct fs *fs, const struct fanotify_event_metadata *event,
			 const uint8_t *record)
{
	size_t left = event->event_len - event->metadata_len;
	struct place from = { 0 }, to = { 0 }, place = { 0 };
	struct fanotify_event_info_header head;

	while (left >= sizeof(head)) {
		memcpy(&head, record, sizeof(head));
		if (head.len < sizeof(head) || head.len > left)
			return;
		if (head.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME)
			(void)read_place(&fs->watch, record, head.len, &place);
		else if (head.info_type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME)
			(void)read_place(&fs->watch, record, head.len, &from);
		else if (head.info_type == FAN_EVENT_INFO_TYPE_NEW_DFID_NAME)
			(void)read_place(&fs->watch, record, head.len, &to);
		record += head.len;
		left -= head.len;
	}
	if ((event->mask & FAN_RENAME) != 0)
		handle_rename(fs, &from, &to, event->mask);
	else
		handle_place(fs, &place, event->mask);
}

/*
 * After an overflow: one node further. Names that are known not to be cannot
 * be listed; they go with the entry of the folder above, which takes all
 * below it along.
 */
static void declare_stale(struct fs *fs)
{
	struct node *node = node_at(fs, fs->watch.stale);

	fs->watch.stale++;
	if (fs->watch.stale >= fs->nodes.slots)
		fs->watch.stale = 0;
	if (node == NULL || (node->flags & NODE_DEAD) != 0)
		return;
	if (node->name != NULL)
		notify_entry(&fs->notify, node->folder, node->name, !S_ISDIR(node->is.type));
	notify_inode(&fs->notify, node->id, true);
}

/* Whether the buffer holds an event at `at`, copied to *ret: the kernel does not align them. */
static bool peek_event(const struct watch *watch, struct fanotify_event_metadata *ret)
{
	size_t left = watch->len - watch->at;

	if (left < sizeof(*ret))
		return false;
	memcpy(ret, watch->buffer + watch->at, sizeof(*ret));
	return ret->event_len >= ret->metadata_len && ret->metadata_len >= sizeof(*ret) &&
	       ret->event_len <= left;
}

/*
 * The next event that another process caused: its metadata and where its
 * records are; NULL when there is none, or after an overflow.
 */
static const uint8_t *next_event(struct watch *watch, struct fanotify_event_metadata *ret)
{
	for (;;) {
		const uint8_t *records;

		if (!peek_event(watch, ret)) {
			ssize_t got = read(watch->fd, watch->buffer, sizeof(watch->buffer));

			watch->at = 0;
			watch->len = got > 0 ? (uint32_t)got : 0;
			if (!peek_event(watch, ret))
				return NULL;
		}
		records = watch->buffer + watch->at + ret->metadata_len;
		watch->at += ret->event_len;
		if ((ret->mask & FAN_Q_OVERFLOW) != 0) {
			watch->stale = 1;
			return NULL;
		}
		if (ret->pid != watch->self)
			return records;
	}
}

int fs_watch_fd(const struct fs *fs)
{
	return fs->watch.fd;
}

bool fs_watch_run(struct fs *fs)
{
	struct fanotify_event_metadata event;
	const uint8_t *records;

	while (notify_flush(fs) && fs->watch.fd >= 0) {
		if (fs->watch.stale != 0) {
			declare_stale(fs);
			continue;
		}
		records = next_event(&fs->watch, &event);
		if (records == NULL && fs->watch.stale == 0)
			return true;
		if (records != NULL && fs->coherent)
			handle_event(fs, &event, records);
	}
	return fs->watch.fd < 0;
}
