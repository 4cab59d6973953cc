/*
 * The virtio-fs device (virtio 1.2 §5.11) of one sandbox: chains of its queues
 * become requests of the file system, in the order in which they come, and
 * notifications go out in buffers that the guest posted for them.
 *
 * A chain with nothing to read is such a buffer, whatever queue it comes on:
 * guests differ in where they post them (guest/kernel/README.md).
 */
#ifndef SBX_FS_DEVICE_H
#define SBX_FS_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/loop.h"
#include "fs/fs.h"
#include "virtio/queue.h"

struct vhost_backend;

enum {
	DEVICE_QUEUES = 3,    /* hiprio, then requests and notifications in either order */
	DEVICE_BUFFERS = 256, /* notification buffers held at once */
	DEVICE_WAITING = 128, /* requests that wait for a lock */
	DEVICE_PARTS = 4,     /* of a chain that is kept */
};

/* A chain that is answered later than it was taken. */
struct kept_chain {
	bool used;
	uint16_t queue, head;
	uint32_t turn; /* counts the uses of this slot: the upper half of a token */
	uint16_t count;
	struct iovec vec[DEVICE_PARTS]; /* what the device writes; guest memory */
};

struct device {
	struct loop *loop;	       /* weak */
	struct fs *fs;		       /* weak */
	struct vhost_backend *backend; /* owned */
	struct loop_watch watch;       /* on fs_watch_fd() */
	struct loop_timer retry;       /* while requests wait for locks */
	struct kept_chain buffer[DEVICE_BUFFERS];
	unsigned first_buffer, buffers; /* a ring */
	bool has_notified;		/* the guest has posted a buffer since the queues started */
	struct kept_chain waiting[DEVICE_WAITING];
	struct virtq_chain chain; /* the one being served: large, so not on the stack */
	char why[160];		  /* the connection ended */
};

/* What the file system asks of the device; `host` is the device. */
extern const struct fs_host_impl device_host;

/* Serves fs on the vhost-user socket, which becomes the device's. */
int device_start(struct device *device, struct loop *loop, struct fs *fs, int socket);
void device_finish(struct device *device);

/* Lets what waits for the guest or the host go on; call when mounts changed. */
void device_pump(struct device *device);

#endif
