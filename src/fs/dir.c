#include "fs/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "fs/attr.h"
#include "fs/request.h"
#include "fs/serve.h"
#include "fs/session.h"

/* One entry on its way to the guest. */
struct entry {
	const char *name;
	size_t len;
	uint64_t inode;
	uint64_t next; /* position behind it */
	uint32_t type; /* DT_ */
};

void dir_table_init(struct dir_table *table)
{
	*table = (struct dir_table){ 0 };
}

static void stream_drop(struct dir_stream *stream)
{
	if (stream->node != 0)
		(void)close(stream->fd);
	stream->node = 0;
}

void dir_table_finish(struct dir_table *table)
{
	for (size_t i = 0; i < DIR_STREAMS; i++) {
		stream_drop(&table->stream[i]);
		free(table->stream[i].buffer);
	}
}

void dir_drop_node(struct fs *fs, const struct node *node)
{
	for (size_t i = 0; i < DIR_STREAMS; i++)
		if (fs->dirs.stream[i].node == node->id)
			stream_drop(&fs->dirs.stream[i]);
}

/* The stream of the node, best the one that stands at `position`; else the oldest of all. */
static struct dir_stream *stream_pick(struct dir_table *table, uint64_t node, uint64_t position)
{
	struct dir_stream *best = &table->stream[0];

	for (size_t i = 0; i < DIR_STREAMS; i++) {
		struct dir_stream *stream = &table->stream[i];

		if (stream->node == node && stream->position == position)
			return stream;
		if (stream->used < best->used)
			best = stream;
	}
	return best;
}

static int stream_open(struct fs *fs, struct node *node, struct dir_stream *stream)
{
	struct statx now;
	int fd;

	stream_drop(stream);
	if (stream->buffer == NULL)
		stream->buffer = malloc(DIR_BUFFER);
	if (stream->buffer == NULL)
		return -ENOMEM;
	fd = node_folder_fd(fs, node);
	if (fd < 0)
		return fd;
	fd = node_open(fs, node, O_RDONLY | O_DIRECTORY, &now);
	if (fd < 0)
		return fd;
	stream->fd = fd;
	stream->node = node->id;
	return 0;
}

/* A stream that stands at `position`; from the start it reads afresh. */
static int stream_at(struct fs *fs, struct node *node, uint64_t position, struct dir_stream **ret)
{
	struct dir_stream *stream = stream_pick(&fs->dirs, node->id, position);
	int r = stream->node == node->id ? 0 : stream_open(fs, node, stream);

	if (r < 0)
		return r;
	stream->used = ++fs->dirs.uses;
	if (position == 0 || stream->position != position || stream->len == 0) {
		if (lseek(stream->fd, (off_t)position, SEEK_SET) < 0)
			return -errno;
		stream->at = stream->len = 0;
		stream->position = position;
	}
	*ret = stream;
	return 0;
}

/* The entry at the stream's position: 1, 0 at the end, -errno. */
static int stream_peek(struct dir_stream *stream, struct entry *ret)
{
	const struct dirent64 *raw;

	if (stream->at == stream->len) {
		ssize_t got = getdents64(stream->fd, stream->buffer, DIR_BUFFER);

		if (got <= 0)
			return got < 0 ? -errno : 0;
		stream->at = 0;
		stream->len = (uint32_t)got;
	}
	raw = (const void *)(stream->buffer + stream->at);
	*ret = (struct entry){
		.name = raw->d_name,
		.len = strlen(raw->d_name),
		.inode = raw->d_ino,
		.next = (uint64_t)raw->d_off,
		.type = raw->d_type,
	};
	return 1;
}

static void stream_pass(struct dir_stream *stream)
{
	const struct dirent64 *raw = (const void *)(stream->buffer + stream->at);

	stream->position = (uint64_t)raw->d_off;
	stream->at += raw->d_reclen;
}

int dir_next_name(struct fs *fs, struct node *folder, uint64_t *position,
		  char ret[BENEATH_NAME_MAX + 1])
{
	struct dir_stream *stream = NULL;
	struct entry entry;
	int r = stream_at(fs, folder, *position, &stream);

	if (r == 0)
		r = stream_peek(stream, &entry);
	if (r <= 0)
		return r;
	(void)snprintf(ret, BENEATH_NAME_MAX + 1, "%s", entry.name);
	stream_pass(stream);
	*position = stream->position;
	return 1;
}

static bool is_dot(const struct entry *entry)
{
	return strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0;
}

/* Whether the guest would learn nothing from the attributes of that name. */
static bool is_fresh(struct fs *fs, const struct node *folder, const char *name)
{
	const struct node *node = fs->coherent ? node_named(fs, folder, name) : NULL;

	return node != NULL && (node->flags & NODE_FRESH) != 0;
}

/* Puts one entry, with its attributes if plus; -ENOSPC when it passes the size asked for. */
static int put_entry(struct fs *fs, struct request *request, struct node *folder,
		     const struct entry *entry, bool plus)
{
	static const uint8_t zeros[8];
	struct fuse_direntplus out = {
		.dirent = { .ino = entry->inode,
			    .off = entry->next,
			    .namelen = (uint32_t)entry->len,
			    .type = entry->type },
	};
	size_t head = plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET;
	size_t padding = FUSE_DIRENT_ALIGN(head + entry->len) - head - entry->len;

	size_t size = head + entry->len + padding;

	if (size > request->arg.read.size || size > request->out.left)
		return -ENOSPC;
	request->arg.read.size -= (uint32_t)size;
	/* An entry that vanished, cannot be known or is known already goes without: id 0. */
	if (plus && !is_dot(entry) && !is_fresh(fs, folder, entry->name) &&
	    attr_lookup(fs, folder, entry->name, &out.entry_out) < 0)
		out.entry_out = (struct fuse_entry_out){ 0 };
	(void)request_put(request, plus ? (const void *)&out : &out.dirent, head);
	(void)request_put(request, entry->name, entry->len);
	return request_put(request, zeros, padding);
}

/* The virtual root: position n is behind mount slot n - 1. */
static int read_root(struct fs *fs, struct request *request, bool plus)
{
	for (uint64_t i = request->arg.read.offset; i < FS_MOUNTS_MAX; i++) {
		const struct mount *mount = &fs->mounts.slot[i];
		struct entry entry = { .name = mount->name, .next = i + 1 };
		struct node *node = node_of(fs, mount->node);

		if (mount->name[0] == '\0' || node == NULL)
			continue;
		entry.len = strlen(mount->name);
		entry.inode = attr_inode(fs, node->is.device, node->is.inode);
		entry.type = IFTODT(node->is.type);
		if (put_entry(fs, request, request->node, &entry, plus) < 0)
			break;
	}
	return 0;
}

static int read_folder(struct fs *fs, struct request *request, bool plus)
{
	struct node *folder = request->node;
	struct dir_stream *stream = NULL;
	struct entry entry;
	int r = node_folder_fd(fs, folder);

	if (r < 0)
		return r;
	watch_folder(fs, folder);
	r = stream_at(fs, folder, request->arg.read.offset, &stream);
	while (r >= 0 && (r = stream_peek(stream, &entry)) > 0) {
		entry.inode = attr_inode(fs, folder->is.device, entry.inode);
		if (put_entry(fs, request, folder, &entry, plus) < 0)
			return 0;
		stream_pass(stream);
	}
	/* The guest keeps listings as if they were watched: of one that is not it is told to drop
	 * it.
	 */
	if (r == 0 && fs->coherent && !watch_covers(folder)) {
		notify_inode(&fs->notify, folder->id, true);
		(void)notify_flush(fs);
	}
	return r;
}

static int read_entries(struct fs *fs, struct request *request, bool plus)
{
	return node_is_root(request->node) ? read_root(fs, request, plus)
					   : read_folder(fs, request, plus);
}

int serve_readdir(struct fs *fs, struct request *request)
{
	return read_entries(fs, request, false);
}

int serve_readdirplus(struct fs *fs, struct request *request)
{
	return read_entries(fs, request, true);
}
