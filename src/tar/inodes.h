/* A set of inode numbers, all of one file system: the files that an unpacking made. */
#ifndef TAR_INODES_H
#define TAR_INODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts as all zeros. */
struct inodes {
	uint64_t *places; /* owned; a power of two of them, 0 is free */
	size_t size;	  /* of places */
	size_t count;
};

void inodes_finish(struct inodes *inodes);

/* -ENOMEM. 0 is no inode number. */
int inodes_add(struct inodes *inodes, uint64_t inode);
bool inodes_has(const struct inodes *inodes, uint64_t inode);

#endif
