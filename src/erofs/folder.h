/*
 * A folder's content as it stands in an image: its names, "." and ".." among
 * them, in the order of their bytes, packed into blocks.
 */
#ifndef EROFS_FOLDER_H
#define EROFS_FOLDER_H

#include <stddef.h>

#include "erofs/node.h"

struct folder_entry {
	const char *text;	 /* weak */
	struct erofs_node *node; /* weak */
};

struct folder_listing {
	struct folder_entry *entries; /* owned; sorted */
	size_t count;
};

/* -ENOMEM. */
int folder_list(struct erofs_node *folder, struct folder_listing *ret);
void folder_listing_finish(struct folder_listing *listing);

/* How many of the entries from `first` on fill a block; *ret_bytes is what they take of it. */
size_t folder_fit(const struct folder_listing *listing, size_t first, size_t *ret_bytes);

/* Puts `count` entries from `first` on, whose nodes have positions, into a block of zeros. */
void folder_pack(const struct folder_listing *listing, size_t first, size_t count, uint8_t *to);

#endif
