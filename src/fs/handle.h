/*
 * The files that the guest has open. A handle owns one descriptor, so that
 * flock(2) through it behaves as on the host. Its number holds a generation,
 * as a node's id does.
 */
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

#include <stdint.h>

struct fs;
struct node;

struct handle {
	uint64_t number; /* 0: the slot is free */
	uint64_t node;	 /* id */
	uint32_t next;	 /* slot: on the same node, or free */
	int fd;		 /* owned */
};

struct handle_table {
	struct handle *slot; /* [0] is unused */
	uint32_t slots;	     /* allocated */
	uint32_t used;
	uint32_t max;
	uint32_t free;
};

void handle_table_init(struct handle_table *table, uint32_t max);
void handle_table_finish(struct handle_table *table);

/* Takes fd, on failure too; -ENFILE, -ENOMEM. */
int handle_add(struct fs *fs, struct node *node, int fd, uint64_t *ret_number);

/* The open handle of that number on that node, or NULL. */
struct handle *handle_of(struct fs *fs, uint64_t number, const struct node *node);

/* Closes it and takes it off its node, if that still is. */
void handle_remove(struct fs *fs, struct handle *handle);

/* Closes all handles on the node. */
void handle_remove_all(struct fs *fs, struct node *node);

#endif
