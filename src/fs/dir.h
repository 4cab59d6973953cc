/*
 * Listings. The guest does not open folders (FUSE_NO_OPENDIR_SUPPORT), it asks
 * for the entries of a node from a position on. A stream is an open folder
 * with the entries read ahead; a few are kept, the one unused for longest goes.
 * Positions are those of the host's file system, so any stream can go on
 * anywhere.
 */
#ifndef FS_DIR_H
#define FS_DIR_H

#include <stdint.h>

#include "fs/beneath.h"

struct fs;
struct node;

enum { DIR_STREAMS = 8, DIR_BUFFER = 32768 };

struct dir_stream {
	uint64_t node;	   /* id; 0: unused */
	int fd;		   /* owned */
	uint8_t *buffer;   /* owned, DIR_BUFFER bytes, made at first use */
	uint32_t at, len;  /* entries in buffer not handed out yet */
	uint64_t position; /* of the entry at `at` */
	uint64_t used;	   /* when: a count of uses */
};

struct dir_table {
	struct dir_stream stream[DIR_STREAMS];
	uint64_t uses;
};

void dir_table_init(struct dir_table *table);
void dir_table_finish(struct dir_table *table);

/*
 * The name behind *position (0: the first one) in the folder as it is on the
 * host; "." and ".." as well. Moves *position on. 1, 0 at the end, -errno.
 */
int dir_next_name(struct fs *fs, struct node *folder, uint64_t *position,
		  char ret[BENEATH_NAME_MAX + 1]);

/* The node ends: its stream, too. */
void dir_drop_node(struct fs *fs, const struct node *node);

#endif
