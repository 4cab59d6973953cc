/*
 * The files that the guest knows.
 *
 * A node is an inode beneath a mount, found by a name in a folder. Its id,
 * given to the guest, holds a generation, so an id is never used twice. It
 * lives until the guest forgets as often as it looked up.
 *
 * How it is reached again. A folder is held open (O_PATH) from the first use
 * as a folder until it is forgotten. A file is held by no descriptor, so that
 * a guest may know a million: it is reached by its last name in its held
 * folder, or by a handle open on it, and whatever is reached is compared with
 * the identity of the node: device, inode number, time of birth, type. Another
 * file under the name is -ESTALE, upon which the guest looks up anew. So a
 * replaced, swapped or re-created name is never mistaken for the node, and
 * nothing beyond the mount is reachable (beneath.h).
 *
 * Linux looks up anew once only. So that nobody meets -ESTALE who looks up a
 * name and opens it while others replace it, a few files are held after all
 * (node_hold): those that the guest takes the name from, and those that are
 * looked up soon after an -ESTALE.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct fs;
struct watched;

/* Names an inode for as long as the file system exists. */
struct node_identity {
	uint64_t device;
	uint64_t inode;
	int64_t born_ns; /* 0 when the file system does not say */
	uint32_t type;	 /* S_IFMT bits */
	uint16_t mount;	 /* index; the same inode in two mounts is two nodes */
};

enum node_flags {
	NODE_MOUNT = 1 << 0, /* a mount's own folder or file: fd is the mount's, never forgotten */
	NODE_DEAD = 1 << 1,  /* its mount is gone, or its inode was replaced by another */

	/* Marks of protect.h. */
	NODE_REPOSITORY = 1 << 2, /* a mount's own folder, with `.git` in it */
	NODE_GIT = 1 << 3,	  /* a git directory */
	NODE_LOCKED = 1 << 4,	  /* read-only, and so is all beneath it */

	NODE_ABSENT = 1 << 5, /* a folder in which the guest knows names not to be; see watch.h */
	NODE_FRESH = 1 << 6,  /* the guest holds name and attributes, and may believe them */
};

struct node {
	uint64_t id; /* 0: the slot is free */
	struct node_identity is;
	uint64_t lookups;		      /* that the guest has not forgotten yet */
	uint64_t folder;		      /* id of the folder it was last seen in; 0: nowhere */
	char *name;			      /* owned; its name there, or NULL */
	int64_t changed_ns;		      /* ctime when it was last opened; see file.c */
	uint32_t next_by_inode, next_by_name; /* slots */
	uint32_t older, newer;		      /* slots, by last lookup */
	uint32_t handle;		      /* slot of an open handle on it, 0: none */
	int fd;				      /* O_PATH, or -1; of a folder, mount or held file */
	struct watched *watched;	      /* owned by watch.h; NULL: changes are not seen */
	unsigned flags;			      /* enum node_flags */
};

enum {
	NODE_HELD = 64,	   /* files held at once */
	NODE_CONTENDED = 8 /* lookups that hold what they find, after an -ESTALE */
};

struct node_table {
	struct node **chunks; /* slots, allocated by the chunk so that nodes stay where they are */
	uint32_t *by_inode, *by_name; /* first slot of each bucket, 0: none */
	uint32_t slots;		      /* that exist */
	uint32_t used;		      /* that are nodes */
	uint32_t max;		      /* nodes */
	uint32_t free;		      /* first free slot, linked by next_by_inode */
	uint32_t folders;	      /* nodes that hold a descriptor of their own */
	uint32_t oldest, newest;
	uint64_t held[NODE_HELD]; /* ids, a ring */
	uint32_t next_held;
	uint32_t contended; /* lookups left that hold what they find */
};

int node_table_init(struct node_table *table, uint32_t max);
void node_table_finish(struct fs *fs);

/* Drops every node but the root and the mounts. */
void node_table_clear(struct fs *fs);

/* The node with this id, or NULL: never was, forgotten, dead. */
struct node *node_of(struct fs *fs, uint64_t id);

/* The node in a slot (1 to table.slots), or NULL when it is free. */
struct node *node_at(struct fs *fs, uint32_t slot);

struct node_identity node_identify(const struct statx *from, uint16_t mount);

/* The node of that identity, or NULL. */
struct node *node_known(struct fs *fs, const struct node_identity *is);

/* The node of that name in folder as far as is known, or NULL. */
struct node *node_named(struct fs *fs, const struct node *folder, const char *name);

/*
 * The node of what was found as folder/name, made when there is none; -ENFILE
 * when the table is full, -ENOMEM. The caller counts the lookup. name NULL: it has none.
 */
int node_found(struct fs *fs, struct node *folder, const char *name, const struct statx *found,
	       struct node **ret);

/* Takes `count` lookups back; the last one ends the node. */
void node_forget(struct fs *fs, struct node *node, uint64_t count);

/* It is called folder/name now; a node that had the name has it no more. */
void node_place(struct fs *fs, struct node *node, const struct node *folder, const char *name);
/* It has no name that is known. */
void node_unplace(struct fs *fs, struct node *node);

/* Marks it dead and lets go of its descriptor; it stays until forgotten. */
void node_kill(struct fs *fs, struct node *node);

/*
 * Holds a file that is not a folder, so that it is reached whatever becomes of
 * its name, until it is forgotten or NODE_HELD others were held since.
 */
void node_hold(struct fs *fs, struct node *node);

/* Its attributes now; -ESTALE when it cannot be reached. */
int node_stat(struct fs *fs, struct node *node, struct statx *ret);

/* A descriptor of the folder, held by the node; -ENOTDIR, -ENFILE, -ESTALE, -errno. */
int node_folder_fd(struct fs *fs, struct node *node);

/* A new descriptor, with attributes: a regular file or folder with flags; anything with O_PATH. */
int node_open(struct fs *fs, struct node *node, int flags, struct statx *ret);

#endif
