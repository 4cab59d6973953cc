/*
 * Writes a tree (tree.h) as an EROFS image: blocks of 4096 bytes, nothing
 * compressed, extended inodes (kernel: Documentation/filesystems/erofs.rst, and the
 * on-disk structures of fs/erofs/erofs_fs.h).
 *
 *	block 0		the superblock, at byte 1024, with its checksum
 *	then		data of files, in the order in which it came, each from a new block
 *	then		inodes: each in one block with its extended attributes, and with
 *			the last bytes of its link or folder when they fit
 *	then		what else links and folders need
 *
 * Data of files goes out at once, in a place that does not change; the rest when
 * the tree is complete. So no more is kept in memory than the tree, and data of a
 * file that a later layer replaced or hid stays in the image, unused. The same
 * calls make the same bytes.
 *
 * Functions return 0 or -errno with a sentence.
 */
#ifndef EROFS_WRITER_H
#define EROFS_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct erofs_tree;
struct erofs_node;
struct erofs_writer;

enum { EROFS_DIGEST_SIZE = 32 };

/* Writes to fd (weak, seekable, empty) from its first byte. */
int erofs_writer_create(int fd, struct erofs_writer **ret);
void erofs_writer_destroy(struct erofs_writer *writer);

/* The content of a regular file: begin, any data, end. The tree must not change between. */
void erofs_writer_begin(struct erofs_writer *writer, struct erofs_node *node);
int erofs_writer_data(struct erofs_writer *writer, const void *bytes, size_t len, struct err *err);
int erofs_writer_end(struct erofs_writer *writer, struct err *err);

/* Writes the rest; *ret_bytes is the image's size. The writer takes no more after it. */
int erofs_writer_finish(struct erofs_writer *writer, struct erofs_tree *tree, struct err *err,
			uint64_t *ret_bytes);

/*
 * The SHA-256 of what the finished image holds: names, attributes and data, not of where they
 * lie. The same tree has the same digest, in whatever order its data came.
 */
void erofs_writer_digest(const struct erofs_writer *writer, uint8_t ret[EROFS_DIGEST_SIZE]);

#endif
