/*
 * Slots live in chunks, which never move; two hash tables of slot numbers lead
 * to them, by identity and by (folder, name). A slot that is freed keeps its
 * generation, which the next node of the slot counts up.
 */
#include "fs/node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "fs/beneath.h"
#include "fs/session.h"

enum {
	CHUNK = 256,
	BUCKETS = 1 << 16,
	FORGET_BATCH = 16, /* nodes looked at when the guest is asked to let go of some */
};

static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 31)) * 0x9e3779b97f4a7c15;
	return value ^ (value >> 29);
}

static uint32_t inode_bucket(const struct node_identity *is)
{
	return (uint32_t)(mix(is->inode ^ mix(is->device + is->mount)) % BUCKETS);
}

/* FNV-1a over the name, folder mixed in. */
static uint32_t name_bucket(uint64_t folder, const char *name)
{
	uint64_t hash = 0xcbf29ce484222325 ^ mix(folder);

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
	return (uint32_t)(mix(hash) % BUCKETS);
}

static struct node *slot_of(const struct node_table *table, uint32_t slot)
{
	return &table->chunks[slot / CHUNK][slot % CHUNK];
}

int node_table_init(struct node_table *table, uint32_t max)
{
	*table = (struct node_table){ .max = max };
	table->chunks = calloc(max / CHUNK + 2, sizeof(*table->chunks));
	table->by_inode = calloc(BUCKETS, sizeof(*table->by_inode));
	table->by_name = calloc(BUCKETS, sizeof(*table->by_name));
	if (table->chunks == NULL || table->by_inode == NULL || table->by_name == NULL)
		return -ENOMEM;
	return 0;
}

/* One more chunk of free slots; slot 0 is never used. */
static int grow(struct node_table *table)
{
	struct node *chunk = calloc(CHUNK, sizeof(*chunk));

	if (chunk == NULL)
		return -ENOMEM;
	table->chunks[table->slots / CHUNK] = chunk;
	table->slots += CHUNK;
	for (uint32_t slot = table->slots - 1; slot + CHUNK >= table->slots && slot > 0; slot--) {
		slot_of(table, slot)->next_by_inode = table->free;
		table->free = slot;
	}
	return 0;
}

static void inode_link(struct node_table *table, struct node *node)
{
	uint32_t *bucket = &table->by_inode[inode_bucket(&node->is)];

	node->next_by_inode = *bucket;
	*bucket = (uint32_t)node->id;
}

static void inode_unlink(struct node_table *table, struct node *node)
{
	uint32_t *place = &table->by_inode[inode_bucket(&node->is)];

	for (; *place != 0; place = &slot_of(table, *place)->next_by_inode)
		if (*place == (uint32_t)node->id) {
			*place = node->next_by_inode;
			return;
		}
}

static void age_unlink(struct node_table *table, struct node *node)
{
	uint32_t slot = (uint32_t)node->id;

	if (node->older != 0)
		slot_of(table, node->older)->newer = node->newer;
	else if (table->oldest == slot)
		table->oldest = node->newer;
	if (node->newer != 0)
		slot_of(table, node->newer)->older = node->older;
	else if (table->newest == slot)
		table->newest = node->older;
	node->older = node->newer = 0;
}

static void age_renew(struct node_table *table, struct node *node)
{
	if (table->newest == (uint32_t)node->id)
		return;
	age_unlink(table, node);
	node->older = table->newest;
	if (table->newest != 0)
		slot_of(table, table->newest)->newer = (uint32_t)node->id;
	table->newest = (uint32_t)node->id;
	if (table->oldest == 0)
		table->oldest = (uint32_t)node->id;
}

static int node_make(struct node_table *table, const struct node_identity *is, struct node **ret)
{
	int r = table->used >= table->max ? -ENFILE : table->free == 0 ? grow(table) : 0;
	struct node *node;
	uint32_t slot;
	uint64_t generation;

	if (r < 0)
		return r;
	slot = table->free;
	node = slot_of(table, slot);
	table->free = node->next_by_inode;
	generation = node->folder; /* left by node_end() */
	*node = (struct node){ .id = (generation << 32) | slot, .is = *is, .fd = -1 };
	inode_link(table, node);
	table->used++;
	*ret = node;
	return 0;
}

static void close_fd(struct node_table *table, struct node *node)
{
	if (node->fd < 0 || (node->flags & NODE_MOUNT) != 0)
		return;
	(void)close(take_fd(&node->fd));
	if (S_ISDIR(node->is.type))
		table->folders--;
}

static void node_end(struct fs *fs, struct node *node)
{
	struct node_table *table = &fs->nodes;
	uint32_t slot = (uint32_t)node->id;
	uint64_t generation = (node->id >> 32) + 1;

	handle_remove_all(fs, node);
	lock_drop_node(fs, node);
	dir_drop_node(fs, node);
	watch_drop(fs, node);
	node_unplace(fs, node);
	if ((node->flags & NODE_DEAD) == 0)
		inode_unlink(table, node);
	age_unlink(table, node);
	close_fd(table, node);
	*node = (struct node){ .folder = generation, .next_by_inode = table->free, .fd = -1 };
	table->free = slot;
	table->used--;
}

void node_table_clear(struct fs *fs)
{
	for (uint32_t slot = 1; slot < fs->nodes.slots; slot++) {
		struct node *node = slot_of(&fs->nodes, slot);

		if (node->id == 0)
			continue;
		handle_remove_all(fs, node);
		if ((node->flags & NODE_MOUNT) != 0)
			node->lookups = 0;
		else
			node_end(fs, node);
	}
}

void node_table_finish(struct fs *fs)
{
	struct node_table *table = &fs->nodes;

	for (uint32_t slot = 1; table->chunks != NULL && slot < table->slots; slot++)
		if (slot_of(table, slot)->id != 0)
			node_end(fs, slot_of(table, slot));
	for (uint32_t i = 0; i < table->slots / CHUNK; i++)
		free(table->chunks[i]);
	free(table->chunks);
	free(table->by_inode);
	free(table->by_name);
	*table = (struct node_table){ 0 };
}

struct node *node_at(struct fs *fs, uint32_t slot)
{
	struct node *node;

	if (slot == 0 || slot >= fs->nodes.slots)
		return NULL;
	node = slot_of(&fs->nodes, slot);
	return node->id != 0 ? node : NULL;
}

struct node *node_of(struct fs *fs, uint64_t id)
{
	struct node *node = node_at(fs, (uint32_t)id);

	return node != NULL && node->id == id && (node->flags & NODE_DEAD) == 0 ? node : NULL;
}

struct node_identity node_identify(const struct statx *from, uint16_t mount)
{
	struct node_identity is = {
		.device = ((uint64_t)from->stx_dev_major << 32) | from->stx_dev_minor,
		.inode = from->stx_ino,
		.type = from->stx_mode & S_IFMT,
		.mount = mount,
	};

	if ((from->stx_mask & STATX_BTIME) != 0)
		is.born_ns = (int64_t)from->stx_btime.tv_sec * 1000000000 + from->stx_btime.tv_nsec;
	return is;
}

static bool is_same_number(const struct node_identity *a, const struct node_identity *b)
{
	return a->inode == b->inode && a->device == b->device && a->mount == b->mount;
}

static bool is_same(const struct node_identity *a, const struct node_identity *b)
{
	return is_same_number(a, b) && a->born_ns == b->born_ns && a->type == b->type;
}

static bool is_it(const struct node *node, const struct statx *found)
{
	struct node_identity is = node_identify(found, node->is.mount);

	return is_same(&node->is, &is);
}

/* A descriptor that is the inode itself, or -1. */
static int own_fd(struct fs *fs, const struct node *node)
{
	if (node->fd >= 0)
		return node->fd;
	return node->handle != 0 ? fs->handles.slot[node->handle].fd : -1;
}

/*
 * An inode that is held open keeps its number, but not its birth where a file
 * system copies it up (overlayfs): it is still the same when it says so itself.
 */
static bool was_born_again(struct fs *fs, struct node *node, const struct node_identity *is)
{
	int fd = own_fd(fs, node);
	struct node_identity held;
	struct statx now;

	if (fd < 0 || beneath_stat_fd(fd, &now) < 0)
		return false;
	held = node_identify(&now, node->is.mount);
	if (!is_same(&held, is))
		return false;
	node->is.born_ns = is->born_ns;
	return true;
}

/* A node with the number of `is` but another birth is of an inode that is gone. */
struct node *node_known(struct fs *fs, const struct node_identity *is)
{
	uint32_t slot = fs->nodes.by_inode[inode_bucket(is)];

	while (slot != 0) {
		struct node *node = slot_of(&fs->nodes, slot);

		slot = node->next_by_inode;
		if (is_same(&node->is, is))
			return node;
		if (is_same_number(&node->is, is) && was_born_again(fs, node, is))
			return node;
		if (is_same_number(&node->is, is))
			node_kill(fs, node);
	}
	return NULL;
}

struct node *node_named(struct fs *fs, const struct node *folder, const char *name)
{
	uint32_t slot = fs->nodes.by_name[name_bucket(folder->id, name)];

	while (slot != 0) {
		struct node *node = slot_of(&fs->nodes, slot);

		if (node->folder == folder->id && strcmp(node->name, name) == 0)
			return node;
		slot = node->next_by_name;
	}
	return NULL;
}

void node_unplace(struct fs *fs, struct node *node)
{
	uint32_t *place;

	if (node->name == NULL)
		return;
	place = &fs->nodes.by_name[name_bucket(node->folder, node->name)];
	while (*place != (uint32_t)node->id)
		place = &slot_of(&fs->nodes, *place)->next_by_name;
	*place = node->next_by_name;
	free(take_ptr(node->name));
	node->folder = 0;
}

void node_place(struct fs *fs, struct node *node, const struct node *folder, const char *name)
{
	struct node *other = node_named(fs, folder, name);
	uint32_t *bucket;
	char *copy;

	if (other == node)
		return;
	if (other != NULL)
		node_unplace(fs, other);
	copy = strdup(name);
	node_unplace(fs, node);
	if (copy == NULL)
		return; /* without a place it is reached by handles only */
	node->name = copy;
	node->folder = folder->id;
	bucket = &fs->nodes.by_name[name_bucket(folder->id, name)];
	node->next_by_name = *bucket;
	*bucket = (uint32_t)node->id;
}

static bool is_nearly(uint32_t used, uint32_t max)
{
	return used > max - max / 8;
}

/*
 * Near a limit the names that were looked up longest ago expire. Linux drops an
 * entry that nobody uses then, and forgets it; a folder when all in it is gone,
 * so files go as well where folders are too many. What is a working folder or
 * mounted on stays.
 */
static void ask_to_forget(struct fs *fs)
{
	bool is_near = is_nearly(fs->nodes.used, fs->nodes.max) ||
		       is_nearly(fs->nodes.folders, fs->config.max_folders);

	if (!fs->coherent || !is_near || fs->notify.count > 0)
		return;
	for (uint32_t i = 0; i < FORGET_BATCH; i++) {
		struct node *node = node_at(fs, fs->nodes.oldest);

		if (node == NULL)
			break;
		age_renew(&fs->nodes, node);
		if (node->name != NULL)
			notify_entry(&fs->notify, node->folder, node->name, true);
	}
	(void)notify_flush(fs);
}

int node_found(struct fs *fs, struct node *folder, const char *name, const struct statx *found,
	       struct node **ret)
{
	struct node_identity is = node_identify(found, folder->is.mount);
	struct node *node = node_known(fs, &is);

	if (node == NULL) {
		int r = node_make(&fs->nodes, &is, &node);
		if (r < 0)
			return r;
		ask_to_forget(fs);
	}
	if ((node->flags & NODE_MOUNT) == 0 && name != NULL) {
		node_place(fs, node, folder, name);
		age_renew(&fs->nodes, node);
	}
	protect_found(fs, folder, name, found, node);
	*ret = node;
	return 0;
}

void node_forget(struct fs *fs, struct node *node, uint64_t count)
{
	node->lookups -= min_of(count, node->lookups);
	if (node->lookups == 0 && (node->flags & NODE_MOUNT) == 0)
		node_end(fs, node);
}

void node_kill(struct fs *fs, struct node *node)
{
	if ((node->flags & NODE_DEAD) != 0)
		return;
	handle_remove_all(fs, node);
	lock_drop_node(fs, node);
	dir_drop_node(fs, node);
	watch_drop(fs, node);
	node_unplace(fs, node);
	inode_unlink(&fs->nodes, node);
	close_fd(&fs->nodes, node);
	node->flags = NODE_DEAD;
	if (node->lookups == 0)
		node_end(fs, node);
}

/* The descriptor of the folder it was last seen in; -ESTALE. */
static int place_fd(struct fs *fs, const struct node *node)
{
	struct node *folder = node->name != NULL ? node_of(fs, node->folder) : NULL;

	return folder != NULL && folder->fd >= 0 ? folder->fd : -ESTALE;
}

int node_stat(struct fs *fs, struct node *node, struct statx *ret)
{
	int fd = own_fd(fs, node), r;

	if (fd >= 0)
		return beneath_stat_fd(fd, ret);
	fd = place_fd(fs, node);
	if (fd < 0)
		return fd;
	r = beneath_stat(fd, node->name, ret);
	if (r == 0 && !is_it(node, ret))
		return -ESTALE;
	return r == -ENOENT ? -ESTALE : r;
}

/* Opens it by its name; -ESTALE when the name means something else by now. */
static int open_by_name(struct fs *fs, struct node *node, int flags, struct statx *ret)
{
	int folder = place_fd(fs, node), r;
	autoclose int fd = -1;

	if (folder < 0)
		return folder;
	fd = beneath_open(folder, node->name, flags, 0);
	if (fd < 0)
		return fd == -ENOENT || fd == -ELOOP ? -ESTALE : fd;
	r = beneath_stat_fd(fd, ret);
	if (r == 0 && !is_it(node, ret))
		r = -ESTALE;
	return r < 0 ? r : take_fd(&fd);
}

static int reopen(struct fs *fs, int from, int flags, struct statx *ret)
{
	autoclose int fd = -1;
	int r;

	fd = (flags & O_PATH) != 0 ? fcntl(from, F_DUPFD_CLOEXEC, 0)
				   : beneath_reopen(fs->config.proc_fd, from, flags);
	if (fd < 0)
		return (flags & O_PATH) != 0 ? -errno : fd;
	r = beneath_stat_fd(fd, ret);
	return r < 0 ? r : take_fd(&fd);
}

int node_open(struct fs *fs, struct node *node, int flags, struct statx *ret)
{
	int from = own_fd(fs, node), fd;

	/* FIFOs and devices are never opened here: the guest has its own. */
	if ((flags & O_PATH) == 0 && !S_ISREG(node->is.type) && !S_ISDIR(node->is.type))
		return -EOPNOTSUPP;
	if (node->fd >= 0)
		return reopen(fs, from, flags, ret);
	fd = open_by_name(fs, node, flags, ret);
	if (fd == -ESTALE && from >= 0)
		return reopen(fs, from, flags, ret);
	return fd;
}

void node_hold(struct fs *fs, struct node *node)
{
	struct node_table *table = &fs->nodes;
	uint64_t *place = &table->held[table->next_held];
	struct node *last = node_at(fs, (uint32_t)*place);
	struct statx now;
	int fd = node->fd >= 0 || S_ISDIR(node->is.type) ? -EEXIST
							 : node_open(fs, node, O_PATH, &now);

	if (fd < 0)
		return;
	if (last != NULL && last->id == *place)
		close_fd(table, last);
	node->fd = fd;
	*place = node->id;
	table->next_held = (table->next_held + 1) % NODE_HELD;
}

int node_folder_fd(struct fs *fs, struct node *node)
{
	struct statx found;
	int fd;

	if (!S_ISDIR(node->is.type))
		return -ENOTDIR;
	if (node->fd >= 0)
		return node->fd;
	if (fs->nodes.folders >= fs->config.max_folders)
		return -ENFILE;
	fd = node_open(fs, node, O_PATH | O_DIRECTORY, &found);
	if (fd < 0)
		return fd;
	node->fd = fd;
	fs->nodes.folders++;
	return fd;
}
