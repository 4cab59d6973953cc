/* Images for tests: a tree, written to a file, seen through erofs-utils and the kernel. */
#ifndef TESTS_UNIT_EROFS_IMAGE_H
#define TESTS_UNIT_EROFS_IMAGE_H

#include <stdbool.h>

#include "erofs/tree.h"
#include "erofs/writer.h"

struct image {
	struct erofs_tree *tree;
	struct erofs_writer *writer;
	int fd;
	char path[32]; /* of the image, in the current folder */
	char seen[32]; /* the folder where its content is to be seen; "" before */
	bool is_mounted;
	struct err err; /* of the last call that failed */
	uint64_t bytes; /* the image's size */
};

/* Starts an image of at most 100000 entries; all return 0 or -errno. */
int image_init(struct image *image, bool is_upper);
/* Unmounts and removes all. */
void image_finish(struct image *image);

/* With mode 0644, 0755, 0777 of the type, owner 0, time 1000. */
int image_file(struct image *image, const char *path, const char *content);
int image_folder(struct image *image, const char *path);
int image_symlink(struct image *image, const char *path, const char *target);
int image_put(struct image *image, const char *path, const struct erofs_attributes *attributes);

/* Writes the image out. */
int image_write(struct image *image);

/* Whether fsck.erofs finds it good. */
bool image_is_good(const struct image *image);

/* fsck.erofs unpacks it to `seen`. */
int image_extract(struct image *image);
/* The kernel mounts it on `seen`; -ENOTSUP where this cannot be done. */
int image_mount(struct image *image);

/* Whether the file below `seen` has this content. */
bool image_has(const struct image *image, const char *path, const char *content);
/* Whether something is there at all. */
bool image_exists(const struct image *image, const char *path);

#endif
