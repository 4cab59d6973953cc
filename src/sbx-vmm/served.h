/*
 * A device served by another process over vhost-user: a disk, the shared
 * folders, the vsock channel, a network. We describe queues and memory and are
 * out of the way; its configuration space is read once, and again whenever the
 * backend says that it changed.
 */
#ifndef SBX_VMM_SERVED_H
#define SBX_VMM_SERVED_H

struct device;
struct err;
struct loop;
struct ram;

enum served_kind { SERVED_BLK, SERVED_FS, SERVED_VSOCK, SERVED_NET };

struct served_config {
	enum served_kind kind;
	int socket;	       /* connected; the device's on success */
	const struct ram *ram; /* weak */
	struct loop *loop;     /* weak */
	/* The backend is gone; on the loop, once. A machine without its disk cannot go on. */
	void (*lost)(void *ctx, const char *name);
	void *ctx;
};

int served_create(const struct served_config *config, struct device **ret, struct err *err);

#endif
