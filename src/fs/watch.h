/*
 * What others do on the host, pushed to the guest.
 *
 * Each folder that the guest looks into carries a fanotify mark (an ordinary
 * user may do that for what it can read). An event names folder and entry; the
 * guest is told to forget what it knows of them, then its own inotify watchers
 * are woken. fanotify says which process did it: what this one does for the
 * guest is known to the guest and left out.
 *
 * A folder that is in several mounts is a node in each, and all are
 * told, of what this process did in one of them as well.
 *
 * The kernel queues and merges events; they are taken one by one, only while
 * the guest has buffers for what follows from them. When the queue overflows,
 * all that the guest knows is declared stale: each node by its name, and in
 * folders where it was told that a name is not, the names that now are. A folder that cannot be
 * marked (no marks left, a file system without handles) is not `watched`, and nothing about what is
 * in it may be kept by the guest.
 */
#ifndef FS_WATCH_H
#define FS_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fs;
struct node;
struct watched;

enum { WATCH_BUCKETS = 4096, WATCH_BUFFER = 8192 };

struct watch {
	int fd;			  /* the fanotify group; -1: none */
	pid_t self;		  /* this process, as events name it */
	struct watched **buckets; /* owned; marked folders by file handle */
	uint64_t device;	  /* last asked for its file system id, */
	uint64_t fsid;		  /* and that */
	uint32_t cookie;	  /* links the two halves of a rename in the guest */
	uint32_t shared;	  /* marked folders that are in another mount, too */
	uint32_t stale;		  /* slot of the next node to declare stale; 0: none */
	uint64_t stale_at;	  /* position among the names of that folder */
	uint32_t at, len;	  /* events in buffer not handled yet */
	uint16_t mount;		  /* in which to handle the first of them next */
	uint8_t buffer[WATCH_BUFFER];
};

void watch_init(struct watch *watch);
void watch_finish(struct fs *fs);

/* Whether changes are seen and can be told from here on. */
bool watch_start(struct fs *fs);

/* Marks a folder that is held open, unless it is; call before looking into it. */
void watch_folder(struct fs *fs, struct node *folder);

/* Whether changes in the folder are seen. */
bool watch_covers(const struct node *folder);

/* The node ends or dies. */
void watch_drop(struct fs *fs, struct node *node);

#endif
