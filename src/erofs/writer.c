/*
 * Finishing has three passes over the nodes, which stand in one array, folders
 * before what is in them: place() says where each inode and its further data will
 * be, then inodes are written, then the further data; both in the array's order,
 * so that all writing goes forward. The superblock comes last: an image that was
 * cut short is none.
 */
#include "erofs/writer.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "erofs/crc32c.h"
#include "erofs/folder.h"
#include "erofs/format.h"
#include "erofs/node.h"

enum { CHUNK = 64 << 10, OPAQUE_SIZE = 32 };

static_assert(EROFS_DIGEST_SIZE == crypto_hash_sha256_BYTES, "a digest is a SHA-256");

struct erofs_writer {
	int fd;			   /* weak */
	uint64_t offset;	   /* where the next byte goes */
	size_t used;		   /* bytes in chunk, which are before it */
	struct erofs_node *file;   /* whose data comes */
	struct erofs_node **nodes; /* owned array of weak nodes, placed */
	size_t count, room;
	uint64_t metadata_bytes;	  /* of the inodes placed */
	uint64_t further_blocks;	  /* of data behind the inodes */
	crypto_hash_sha256_state data;	  /* of the file whose data comes */
	crypto_hash_sha256_state content; /* of the tree; see erofs_writer_digest() */
	uint8_t chunk[CHUNK];
};

int erofs_writer_create(int fd, struct erofs_writer **ret)
{
	struct erofs_writer *writer;

	if (lseek(fd, EROFS_BLOCK, SEEK_SET) < 0)
		return -errno;
	writer = calloc(1, sizeof(*writer));
	if (writer == NULL)
		return -ENOMEM;
	writer->fd = fd;
	writer->offset = EROFS_BLOCK;
	(void)crypto_hash_sha256_init(&writer->content);
	*ret = writer;
	return 0;
}

void erofs_writer_destroy(struct erofs_writer *writer)
{
	if (writer == NULL)
		return;
	free(writer->nodes);
	free(writer);
}

static int flush(struct erofs_writer *writer, struct err *err)
{
	int r = fd_write_full(writer->fd, writer->chunk, writer->used);

	writer->used = 0;
	return r < 0 ? err_set_errno(err, r, "the image cannot be written") : 0;
}

static int put(struct erofs_writer *writer, const void *bytes, size_t len, struct err *err)
{
	const uint8_t *from = bytes;
	int r = 0;

	while (len > 0 && r == 0) {
		size_t part = min_of(len, CHUNK - writer->used);

		memcpy(writer->chunk + writer->used, from, part);
		writer->used += part;
		writer->offset += part;
		from += part;
		len -= part;
		if (writer->used == CHUNK)
			r = flush(writer, err);
	}
	return r;
}

/* Zeros up to an offset less than a block and a half away. */
static int pad_to(struct erofs_writer *writer, uint64_t offset, struct err *err)
{
	static const uint8_t zeros[2 * EROFS_BLOCK];

	assert(offset >= writer->offset && offset - writer->offset <= sizeof(zeros));
	return put(writer, zeros, (size_t)(offset - writer->offset), err);
}

static uint64_t blocks_of(uint64_t bytes)
{
	return bytes / EROFS_BLOCK + (bytes % EROFS_BLOCK != 0);
}

static int pad_block(struct erofs_writer *writer, struct err *err)
{
	return pad_to(writer, blocks_of(writer->offset) * EROFS_BLOCK, err);
}

void erofs_writer_begin(struct erofs_writer *writer, struct erofs_node *node)
{
	assert(S_ISREG(node->attributes.mode));
	writer->file = node;
	node->size_bytes = 0;
	node->first_block = writer->offset / EROFS_BLOCK;
	(void)crypto_hash_sha256_init(&writer->data);
}

int erofs_writer_data(struct erofs_writer *writer, const void *bytes, size_t len, struct err *err)
{
	writer->file->size_bytes += len;
	(void)crypto_hash_sha256_update(&writer->data, bytes, len);
	return put(writer, bytes, len, err);
}

int erofs_writer_end(struct erofs_writer *writer, struct err *err)
{
	(void)crypto_hash_sha256_final(&writer->data, writer->file->digest);
	writer->file = NULL;
	return pad_block(writer, err);
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "there is not enough memory for the image");
}

static uint64_t folder_size(const struct folder_listing *listing)
{
	uint64_t size = 0;
	size_t bytes;

	for (size_t i = 0; i < listing->count;) {
		size = blocks_of(size) * EROFS_BLOCK;
		i += folder_fit(listing, i, &bytes);
		size += bytes;
	}
	return size;
}

static size_t xattrs_size(const struct erofs_node *node)
{
	return node->xattrs.len > 0 ? EROFS_XATTR_HEADER + node->xattrs.len : 0;
}

static int mark_opaque(struct erofs_node *node)
{
	node->xattrs.max += OPAQUE_SIZE;
	return erofs_xattr_append(&node->xattrs, "trusted.overlay.opaque", "y", 1);
}

/* Links and folders have their data here; a file's is written. */
static void place_data(struct erofs_writer *writer, struct erofs_node *node)
{
	size_t tail = (size_t)(node->size_bytes % EROFS_BLOCK);
	uint64_t blocks;

	node->has_tail = tail > 0 && EROFS_INODE_SIZE + xattrs_size(node) + tail <= EROFS_BLOCK;
	blocks = node->has_tail ? node->size_bytes / EROFS_BLOCK : blocks_of(node->size_bytes);
	node->first_block = writer->further_blocks;
	writer->further_blocks += blocks;
}

/* Slot 0 stays empty: a number that readers take for none. */
static void place_inode(struct erofs_writer *writer, struct erofs_node *node)
{
	uint64_t at = max_of(writer->metadata_bytes, (uint64_t)EROFS_SLOT);
	size_t len = EROFS_INODE_SIZE + xattrs_size(node);

	if (node->has_tail)
		len += (size_t)(node->size_bytes % EROFS_BLOCK);
	at = (at + EROFS_SLOT - 1) / EROFS_SLOT * EROFS_SLOT;
	if (at % EROFS_BLOCK + len > EROFS_BLOCK)
		at = blocks_of(at) * EROFS_BLOCK;
	node->position = at;
	writer->metadata_bytes = at + len;
}

static int add_node(struct erofs_writer *writer, struct erofs_node *node)
{
	if (writer->count == writer->room) {
		size_t room = writer->room > 0 ? 2 * writer->room : 64;
		struct erofs_node **nodes =
			reallocarray(writer->nodes, room, sizeof(*writer->nodes));

		if (nodes == NULL)
			return -ENOMEM;
		writer->nodes = nodes;
		writer->room = room;
	}
	writer->nodes[writer->count++] = node;
	node->number = (uint32_t)writer->count;
	return 0;
}

/* Those that have not been met under another name. */
static int add_children(struct erofs_writer *writer, const struct folder_listing *listing)
{
	int r = 0;

	for (size_t i = 0; i < listing->count && r == 0; i++) {
		const struct folder_entry *entry = &listing->entries[i];

		if (entry->node->number == 0)
			r = add_node(writer, entry->node);
	}
	return r;
}

static int place_folder(struct erofs_writer *writer, struct erofs_node *node)
{
	autocall(folder_listing_finish) struct folder_listing listing = { 0 };
	int r = folder_list(node, &listing);

	if (r == 0 && node->is_opaque)
		r = mark_opaque(node);
	if (r < 0)
		return r;
	node->size_bytes = folder_size(&listing);
	place_data(writer, node);
	return add_children(writer, &listing);
}

/* The array is its own queue: folders add what is in them at its end. */
static int place(struct erofs_writer *writer, struct erofs_node *root, struct err *err)
{
	int r = add_node(writer, root);

	for (size_t i = 0; i < writer->count && r == 0; i++) {
		struct erofs_node *node = writer->nodes[i];

		if (erofs_node_is_folder(node)) {
			r = place_folder(writer, node);
		} else if (node->target != NULL) {
			node->size_bytes = strlen(node->target);
			place_data(writer, node);
		}
		place_inode(writer, node);
	}
	return r < 0 ? no_memory(err) : 0;
}

/* The kernel's 32 bits of a device number: minor's low byte, major, minor's rest. */
static uint32_t device_of(const struct erofs_attributes *attributes)
{
	return (attributes->minor & 0xff) | attributes->major << 8 |
	       (attributes->minor & ~0xffU) << 12;
}

static uint32_t block_field(const struct erofs_node *node, uint64_t further)
{
	mode_t mode = node->attributes.mode;

	if (S_ISCHR(mode) || S_ISBLK(mode))
		return device_of(&node->attributes);
	if (node->size_bytes == 0)
		return 0;
	return (uint32_t)(S_ISREG(mode) ? node->first_block : further + node->first_block);
}

static void tell(struct erofs_writer *writer, const void *bytes, size_t len)
{
	(void)crypto_hash_sha256_update(&writer->content, bytes, len);
}

/* All of an inode but where its data lies, which depends on the order in which it came. */
static void tell_inode(struct erofs_writer *writer, const struct erofs_node *node,
		       const uint8_t inode[EROFS_INODE_SIZE])
{
	mode_t mode = node->attributes.mode;
	uint8_t told[EROFS_INODE_SIZE];

	memcpy(told, inode, sizeof(told));
	if (!S_ISCHR(mode) && !S_ISBLK(mode))
		le32_store(told + INODE_AT_BLOCK, 0);
	tell(writer, told, sizeof(told));
	tell(writer, node->xattrs.data, node->xattrs.len);
	if (S_ISREG(mode))
		tell(writer, node->digest, sizeof(node->digest));
}

static int put_inode(struct erofs_writer *writer, const struct erofs_node *node, uint64_t further,
		     struct err *err)
{
	static const uint8_t no_shared[EROFS_XATTR_HEADER];
	const struct erofs_attributes *attributes = &node->attributes;
	enum erofs_layout layout = node->has_tail ? EROFS_FLAT_INLINE : EROFS_FLAT_PLAIN;
	size_t entries = node->xattrs.len;
	uint8_t inode[EROFS_INODE_SIZE] = { 0 };
	int r;

	le16_store(inode + INODE_AT_FORMAT, (uint16_t)(1 | layout << 1));
	if (entries > 0)
		le16_store(inode + INODE_AT_XATTR_COUNT,
			   (uint16_t)(1 + entries / EROFS_XATTR_UNIT));
	le16_store(inode + INODE_AT_MODE, (uint16_t)attributes->mode);
	le64_store(inode + INODE_AT_SIZE, node->size_bytes);
	le32_store(inode + INODE_AT_BLOCK, block_field(node, further));
	le32_store(inode + INODE_AT_NUMBER, node->number);
	le32_store(inode + INODE_AT_UID, attributes->uid);
	le32_store(inode + INODE_AT_GID, attributes->gid);
	le64_store(inode + INODE_AT_MTIME, (uint64_t)attributes->mtime_s);
	le32_store(inode + INODE_AT_MTIME_NS, attributes->mtime_ns);
	le32_store(inode + INODE_AT_LINKS,
		   erofs_node_is_folder(node) ? (uint32_t)node->folders + 2 : node->links);
	tell_inode(writer, node, inode);
	r = put(writer, inode, sizeof(inode), err);
	if (r == 0 && entries > 0)
		r = put(writer, no_shared, sizeof(no_shared), err);
	return r == 0 ? put(writer, node->xattrs.data, entries, err) : r;
}

/* Which of a node's data: what is behind the inode, or what is in blocks of its own. */
enum part { TAIL, FURTHER };

static int put_folder(struct erofs_writer *writer, struct erofs_node *node, enum part part,
		      struct err *err)
{
	autocall(folder_listing_finish) struct folder_listing listing = { 0 };
	int r = 0;

	if (folder_list(node, &listing) < 0)
		return no_memory(err);
	for (size_t i = 0, count; i < listing.count && r == 0; i += count) {
		uint8_t block[EROFS_BLOCK] = { 0 };
		size_t bytes;
		bool is_tail;

		count = folder_fit(&listing, i, &bytes);
		is_tail = node->has_tail && i + count == listing.count;
		if (is_tail != (part == TAIL))
			continue;
		folder_pack(&listing, i, count, block);
		tell(writer, block, bytes);
		r = put(writer, block, is_tail ? bytes : sizeof(block), err);
	}
	return r;
}

static int put_data(struct erofs_writer *writer, struct erofs_node *node, enum part part,
		    struct err *err)
{
	int r;

	if (erofs_node_is_folder(node))
		return put_folder(writer, node, part, err);
	if (node->target == NULL || node->has_tail != (part == TAIL))
		return 0;
	tell(writer, node->target, strlen(node->target));
	r = put(writer, node->target, strlen(node->target), err);
	return r == 0 && part == FURTHER ? pad_block(writer, err) : r;
}

static int put_nodes(struct erofs_writer *writer, struct err *err)
{
	uint64_t metadata = writer->offset;
	uint64_t further = (metadata / EROFS_BLOCK) + blocks_of(writer->metadata_bytes);
	int r = 0;

	for (size_t i = 0; i < writer->count && r == 0; i++) {
		struct erofs_node *node = writer->nodes[i];

		r = pad_to(writer, metadata + node->position, err);
		if (r == 0)
			r = put_inode(writer, node, further, err);
		if (r == 0 && node->has_tail)
			r = put_data(writer, node, TAIL, err);
	}
	if (r == 0)
		r = pad_block(writer, err);
	for (size_t i = 0; i < writer->count && r == 0; i++)
		r = put_data(writer, writer->nodes[i], FURTHER, err);
	return r == 0 ? flush(writer, err) : r;
}

static int put_super(struct erofs_writer *writer, uint64_t metadata, struct err *err)
{
	uint8_t block[EROFS_BLOCK] = { 0 };
	uint8_t *super = block + EROFS_SUPER_OFFSET;
	int r;

	le32_store(super + SUPER_AT_MAGIC, EROFS_MAGIC);
	le32_store(super + SUPER_AT_COMPAT, EROFS_COMPAT_CHECKSUM | EROFS_COMPAT_MTIME);
	super[SUPER_AT_BLOCK_BITS] = EROFS_BLOCK_BITS;
	le16_store(super + SUPER_AT_ROOT, (uint16_t)(writer->nodes[0]->position / EROFS_SLOT));
	le64_store(super + SUPER_AT_INODES, writer->count);
	le32_store(super + SUPER_AT_BLOCKS, (uint32_t)(writer->offset / EROFS_BLOCK));
	le32_store(super + SUPER_AT_METADATA, (uint32_t)(metadata / EROFS_BLOCK));
	le32_store(super + SUPER_AT_CHECKSUM,
		   crc32c(UINT32_MAX, super, sizeof(block) - EROFS_SUPER_OFFSET));
	if (lseek(writer->fd, 0, SEEK_SET) < 0)
		return err_set_errno(err, -errno, "the image cannot be written");
	r = fd_write_full(writer->fd, block, sizeof(block));
	return r < 0 ? err_set_errno(err, r, "the image cannot be written") : 0;
}

int erofs_writer_finish(struct erofs_writer *writer, struct erofs_tree *tree, struct err *err,
			uint64_t *ret_bytes)
{
	uint64_t metadata = writer->offset;
	int r = place(writer, erofs_tree_root(tree), err);

	if (r < 0)
		return r;
	if (blocks_of(metadata) + blocks_of(writer->metadata_bytes) + writer->further_blocks >
	    UINT32_MAX)
		return err_set(err, -EFBIG, "the image would have more than 16 TiB");
	r = put_nodes(writer, err);
	if (r == 0)
		r = put_super(writer, metadata, err);
	if (r == 0)
		*ret_bytes = writer->offset;
	return r;
}

void erofs_writer_digest(const struct erofs_writer *writer, uint8_t ret[EROFS_DIGEST_SIZE])
{
	crypto_hash_sha256_state state = writer->content;

	(void)crypto_hash_sha256_final(&state, ret);
}
