/*
 * The nodes of a tree (tree.h), as its writer sees them too: an inode of the
 * image, and the names of what is in a folder.
 */
#ifndef EROFS_NODE_H
#define EROFS_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "erofs/tree.h"
#include "erofs/writer.h"

struct erofs_node {
	struct erofs_attributes attributes;
	uint32_t links;			   /* names that lead here; a folder has one */
	bool is_opaque;			   /* folders: hides what lower images have there */
	struct buf xattrs;		   /* entries as they stand in the image */
	struct erofs_node *parent;	   /* weak; folders: the root's is itself */
	struct list children;		   /* folders: struct erofs_name */
	void *by_name;			   /* folders: the same, as a search tree (tsearch) */
	size_t folders;			   /* folders: how many of the children are */
	char *target;			   /* owned; symbolic links */
	uint64_t size_bytes;		   /* files; for others the writer's */
	uint64_t first_block;		   /* of data: files; for others the writer's */
	uint8_t digest[EROFS_DIGEST_SIZE]; /* files: the writer's, of the data */
	uint64_t position; /* the writer's: of the inode in the metadata area; 0: none yet */
	uint32_t number;   /* the writer's: from 1 */
	bool has_tail;	   /* the writer's: its last bytes follow the inode */
};

struct erofs_name {
	const char *text;	 /* weak: behind this structure */
	struct erofs_node *node; /* counted in its links */
	struct list siblings;
	unsigned layer; /* that brought it, or something below it */
};

bool erofs_node_is_folder(const struct erofs_node *node);

struct erofs_node *erofs_tree_root(const struct erofs_tree *tree);

/* Appends an attribute as it stands in an image. -EOPNOTSUPP, -ERANGE, or of buf_append(). */
int erofs_xattr_append(struct buf *xattrs, const char *name, const void *value, size_t len);

#endif
