/*
 * From the initramfs to the sandbox's own root: the shared read-only layers of the image
 * with the sandbox's disk over it, and the file systems that a Linux system
 * expects. Pid 1 stays what it is; nothing is executed anew.
 */
#ifndef SBX_INIT_ROOT_H
#define SBX_INIT_ROOT_H

#include "base/err.h"

enum { ROOT_LAYERS_MAX = 16 }; /* more than any host has disks for */

/* The sandbox's writable file systems, held open for trimming, growing and the end. */
struct root {
	int disk;   /* of the root's upper layer; owned */
	int docker; /* of /var/lib/docker; owned, -1 when there is no disk for it */
	int layers[ROOT_LAYERS_MAX]; /* of the image, the lowest first; owned */
	unsigned layers_count;
};

/* Mounts everything and makes it the root. -errno with a sentence. */
int root_enter(struct err *err, struct root *ret);

#endif
