/*
 * A device served by another process over vhost-user: a disk, the shared
 * folders, the vsock channel, a network. We describe queues and memory and are
 * out of the way; its configuration space is read once, and again whenever the
 * backend says that it changed.
 *
 * When a backend that writes down what it does (vhost/inflight.h) ends, its device
 * waits SERVED_PATIENCE_MS for another one to go on; the guest sees a slow disk.
 * With any other backend its machine ends: what it knew is lost.
 */
#ifndef SBX_VMM_SERVED_H
#define SBX_VMM_SERVED_H

struct device;
struct err;
struct loop;
struct ram;

enum { SERVED_PATIENCE_MS = 10000 };

enum served_kind { SERVED_BLK, SERVED_FS, SERVED_VSOCK, SERVED_NET };

struct served_config {
	enum served_kind kind;
	int socket;	       /* connected; the device's on success */
	const struct ram *ram; /* weak */
	struct loop *loop;     /* weak */
	/* The backend is gone for good; on the loop, once. A machine without its disk cannot go on.
	 */
	void (*lost)(void *ctx, const char *name);
	void *ctx;
};

int served_create(const struct served_config *config, struct device **ret, struct err *err);

/*
 * Has another backend serve the device, the one before having ended; the connected socket
 * is taken over in any case. -ENOTSUP: what the one before knew is lost.
 */
int served_replace(struct device *device, int socket, struct err *err);

#endif
