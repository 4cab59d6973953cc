/*
 * The content of an image that is being made: a tree of files, folders, links
 * and devices, put together from one or more layers, lowest first.
 *
 * A later entry takes the place of an earlier one of the same path; a folder
 * over a folder keeps what is in it. What a layer hides (OCI image
 * specification, layer.md, "Whiteouts") is what layers below it brought, never
 * what came with itself, wherever in the layer the whiteout stands.
 *
 * An upper image is one that is stacked over others by overlayfs, so what is
 * hidden must stay hidden there: a whiteout leaves a character device 0:0, and a
 * folder that replaces what was there is opaque (kernel:
 * Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories").
 *
 * Paths are in the form of tar/entry.h: relative, parts joined by single
 * slashes, no "." and no ".."; "" is the root. Missing folders on the way are made
 * (0755, root's); a path through what is no folder replaces that when it is of a
 * layer below, and is refused when it is of the same layer. Nothing follows a
 * symbolic link.
 *
 * Memory is bounded by the limits. Functions return 0 or -errno with a sentence:
 * -EPERM for what is refused, -EFBIG beyond the limits, -ENOMEM.
 */
#ifndef EROFS_TREE_H
#define EROFS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum {
	EROFS_NAME_MAX = 255,	 /* bytes of a path's part */
	EROFS_DEPTH_MAX = 256,	 /* folders within folders */
	EROFS_TARGET_MAX = 4095, /* bytes of a symbolic link */
	EROFS_XATTRS_MAX = 3072, /* bytes of one file's extended attributes, as stored */
	EROFS_LINKS_MAX = 65535,
};

struct erofs_limits {
	size_t entries_max; /* ever put, replaced ones too */
	size_t bytes_max;   /* of names, link targets and attributes, ever put */
};

struct erofs_attributes {
	mode_t mode; /* type and permissions: S_IFREG | 04755 */
	uid_t uid;
	gid_t gid;
	int64_t mtime_s;       /* since 1970 */
	uint32_t mtime_ns;     /* below 1000000000 */
	uint32_t major, minor; /* devices */
};

struct erofs_tree;
struct erofs_node;

int erofs_tree_create(const struct erofs_limits *limits, bool is_upper, struct erofs_tree **ret);
void erofs_tree_destroy(struct erofs_tree *tree);

/* Names put so far, replaced ones and folders made on the way too. */
size_t erofs_tree_count(const struct erofs_tree *tree);

/* What comes from here on is of the layer above. */
void erofs_tree_next_layer(struct erofs_tree *tree);

/*
 * Puts a file, folder, symbolic link (to target; else NULL) or device at path.
 * *ret_node is weak and lasts until the next change of the tree.
 */
int erofs_tree_put(struct erofs_tree *tree, const char *path,
		   const struct erofs_attributes *attributes, const char *target, struct err *err,
		   struct erofs_node **ret_node);

/* A further name for what is at target, which must be there and be no folder. */
int erofs_tree_link(struct erofs_tree *tree, const char *path, const char *target, struct err *err);

/*
 * Gives a node an extended attribute: user.*, trusted.*, security.* or the two of
 * POSIX ACLs; a name may be given once. -EOPNOTSUPP for another name; trusted.overlay.*
 * is refused, as it would tell overlayfs what only the tree may tell.
 */
int erofs_tree_set_xattr(struct erofs_tree *tree, struct erofs_node *node, const char *name,
			 const void *value, size_t len, struct err *err);

/* Hides what layers below have at path. */
int erofs_tree_hide(struct erofs_tree *tree, const char *path, struct err *err);

/* Hides what layers below have in the folder at path, which is made if need be. */
int erofs_tree_hide_content(struct erofs_tree *tree, const char *path, struct err *err);

#endif
