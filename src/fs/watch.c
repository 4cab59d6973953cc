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

static bool is_key_of(const struct watched *watched, const struct handle_key *key)
{
	return watched->fsid == key->fsid && watched->type == key->type &&
	       watched->len == key->len && memcmp(watched->bytes, key->bytes, key->len) == 0;
}

/* In how many mounts the folder is known and marked. */
static unsigned count_of(const struct watch *watch, const struct handle_key *key)
{
	unsigned count = 0;

	for (struct watched *at = watch->buckets[bucket_of(key)]; at != NULL; at = at->next)
		count += is_key_of(at, key);
	return count;
}

/* The folder as a node of that mount, or NULL. */
static struct node *find(const struct watch *watch, const struct handle_key *key, uint16_t mount)
{
	for (struct watched *at = watch->buckets[bucket_of(key)]; at != NULL; at = at->next)
		if (at->node->is.mount == mount && is_key_of(at, key))
			return at->node;
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
	watch->shared += count_of(watch, &key) > 0;
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
	if (count_of(&fs->watch, &key) > 0)
		fs->watch.shared--;
	else if (node->fd >= 0)
		(void)mark(&fs->watch, node->fd, FAN_MARK_REMOVE);
	free(watched);
	node->watched = NULL;
}

/* A place that an event names, as it is in one mount. */
struct place {
	struct node *folder; /* NULL: not one that the guest knows */
	const char *name;    /* "." for the folder itself */
};

/* The same as the event has it. */
struct named {
	struct handle_key folder;
	const char *name; /* NULL: the event has no such place */
};

struct event {
	uint64_t mask;
	bool own;		      /* this process did it, for the guest */
	struct named place, from, to; /* the latter two of a rename */
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

/* What the guest knows of the node is stale; data: its pages or listing, too. */
static void declare_inode(struct fs *fs, struct node *node, bool data)
{
	node->flags &= ~(unsigned)NODE_FRESH;
	notify_inode(&fs->notify, node->id, data);
}

/* The folder itself: its attributes, nothing else. */
static void folder_event(struct fs *fs, struct node *folder, uint64_t mask)
{
	struct notify_event event = { .node = folder->id, .mask = guest_mask(mask, FAN_ATTRIB) };

	declare_inode(fs, folder, false);
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
	declare_inode(fs, node, (mask & (FAN_MODIFY | FAN_CLOSE_WRITE)) != 0);
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
		declare_inode(fs, node, false);
	declare_inode(fs, place->folder, true);
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
		declare_inode(fs, moved, true);
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

/*
 * This process did it, so the guest knows, but of one mount only. In all that
 * have the folder it is to look again; its watchers heard of it already.
 */
static void handle_own(struct fs *fs, const struct place *place, uint64_t mask)
{
	struct node *node;

	if (place->folder == NULL)
		return;
	if ((mask & NAME_EVENTS) != 0) {
		notify_entry(&fs->notify, place->folder->id, place->name, true);
		declare_inode(fs, place->folder, true);
	}
	if ((mask & FILE_EVENTS) == 0)
		return;
	node = strcmp(place->name, ".") == 0 ? place->folder : node_at_place(fs, place);
	if (node != NULL)
		declare_inode(fs, node, !S_ISDIR(node->is.type));
}

/* Folder and name of one information record; untouched when it is too short for them. */
static void read_named(const uint8_t *record, size_t len, struct named *ret)
{
	struct fanotify_event_info_fid info;
	struct file_handle handle;
	size_t head = offsetof(struct fanotify_event_info_fid, handle) + sizeof(handle);

	if (len < head)
		return;
	memcpy(&info, record, sizeof(info));
	memcpy(&handle, record + head - sizeof(handle), sizeof(handle));
	if (handle.handle_bytes > len - head || memchr(record + head + handle.handle_bytes, '\0',
						       len - head - handle.handle_bytes) == NULL)
		return;
	ret->folder = (struct handle_key){
		.fsid = fsid_of(&info.fsid),
		.type = handle.handle_type,
		.len = handle.handle_bytes,
		.bytes = record + head,
	};
	ret->name = (const char *)record + head + handle.handle_bytes;
}

/* Splits an event into its records, which follow its metadata. */
static void read_event(const struct watch *watch, const struct fanotify_event_metadata *from,
		       struct event *ret)
{
	const uint8_t *record = watch->buffer + watch->at + from->metadata_len;
	size_t left = from->event_len - from->metadata_len;
	struct fanotify_event_info_header head;

	*ret = (struct event){ .mask = from->mask, .own = from->pid == watch->self };
	while (left >= sizeof(head)) {
		memcpy(&head, record, sizeof(head));
		if (head.len < sizeof(head) || head.len > left)
			return;
		if (head.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME)
			read_named(record, head.len, &ret->place);
		else if (head.info_type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME)
			read_named(record, head.len, &ret->from);
		else if (head.info_type == FAN_EVENT_INFO_TYPE_NEW_DFID_NAME)
			read_named(record, head.len, &ret->to);
		record += head.len;
		left -= head.len;
	}
}

static struct place place_in(const struct watch *watch, const struct named *named, uint16_t mount)
{
	struct place place = { .name = named->name };

	if (named->name != NULL)
		place.folder = find(watch, &named->folder, mount);
	return place;
}

/* The place, if it is in more than one mount; else nowhere. */
static struct place place_if_shared(const struct watch *watch, const struct named *named,
				    uint16_t mount)
{
	if (named->name == NULL || count_of(watch, &named->folder) < 2)
		return (struct place){ 0 };
	return place_in(watch, named, mount);
}

/* What an event means in one of the mounts: the same folder may be in several. */
static void handle_event(struct fs *fs, const struct event *event, uint16_t mount)
{
	const struct watch *watch = &fs->watch;
	struct place from, to, place;

	if (event->own) {
		from = place_if_shared(watch, &event->from, mount);
		to = place_if_shared(watch, &event->to, mount);
		place = place_if_shared(watch, &event->place, mount);
		handle_own(fs, &from, event->mask);
		handle_own(fs, &to, event->mask);
		handle_own(fs, &place, event->mask);
		return;
	}
	from = place_in(watch, &event->from, mount);
	to = place_in(watch, &event->to, mount);
	place = place_in(watch, &event->place, mount);
	if ((event->mask & FAN_RENAME) != 0)
		handle_rename(fs, &from, &to, event->mask);
	else
		handle_place(fs, &place, event->mask);
}

/*
 * Names of the folder that the guest may hold not to be, though they are by
 * now: one more of them; false when there are no more.
 */
static bool declare_next_name(struct fs *fs, struct node *folder)
{
	char name[BENEATH_NAME_MAX + 1];

	while (dir_next_name(fs, folder, &fs->watch.stale_at, name) > 0)
		if (name_is_valid(name) && node_named(fs, folder, name) == NULL) {
			notify_entry(&fs->notify, folder->id, name, true);
			return true;
		}
	return false;
}

/*
 * After an overflow: one node further, or one name. Everything only expires:
 * what is in use, as a working folder or to mount on, stays when it is found
 * to be as it was.
 */
static void declare_stale(struct fs *fs)
{
	struct watch *watch = &fs->watch;
	struct node *node = node_at(fs, watch->stale);
	bool is_alive = node != NULL && (node->flags & NODE_DEAD) == 0;

	if (is_alive && watch->stale_at == 0) {
		if (node->name != NULL)
			notify_entry(&fs->notify, node->folder, node->name, true);
		declare_inode(fs, node, true);
	}
	if (is_alive && (node->flags & NODE_ABSENT) != 0 && declare_next_name(fs, node))
		return;
	watch->stale_at = 0;
	watch->stale++;
	if (watch->stale >= fs->nodes.slots)
		watch->stale = 0;
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

static bool read_events(struct watch *watch)
{
	ssize_t got = read(watch->fd, watch->buffer, sizeof(watch->buffer));

	watch->at = 0;
	watch->len = got > 0 ? (uint32_t)got : 0;
	return got > 0;
}

/* The first mount from `mount` on, or FS_MOUNTS_MAX. */
static uint16_t next_mount(const struct fs *fs, uint16_t mount)
{
	while (mount < FS_MOUNTS_MAX && fs->mounts.slot[mount].name[0] == '\0')
		mount++;
	return mount;
}

/* The next event, in one mount; false when there is none. */
static bool handle_next(struct fs *fs)
{
	struct watch *watch = &fs->watch;
	struct fanotify_event_metadata head;
	struct event event;
	bool concerns;

	if (!peek_event(watch, &head) && (!read_events(watch) || !peek_event(watch, &head)))
		return false;
	if ((head.mask & FAN_Q_OVERFLOW) != 0)
		watch->stale = 1;
	concerns = fs->coherent && (head.pid != watch->self || watch->shared > 0);
	watch->mount = concerns ? next_mount(fs, watch->mount) : FS_MOUNTS_MAX;
	if (watch->mount < FS_MOUNTS_MAX) {
		read_event(watch, &head, &event);
		handle_event(fs, &event, watch->mount++);
		return true;
	}
	watch->mount = 0;
	watch->at += head.event_len;
	return true;
}

int fs_watch_fd(const struct fs *fs)
{
	return fs->watch.fd;
}

bool fs_watch_run(struct fs *fs)
{
	while (notify_flush(fs) && fs->watch.fd >= 0) {
		if (fs->watch.stale != 0)
			declare_stale(fs);
		else if (!handle_next(fs))
			return true;
	}
	return fs->watch.fd < 0;
}
