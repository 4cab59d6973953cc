/*
 * The backend of vhost-user: a device served to QEMU or sbx-vmm over one Unix
 * socket (QEMU docs/interop/vhost-user.rst).
 *
 * The backend owns the socket, the guest memory map, kick and call eventfds
 * and the queues; the device only sees queues that are ready and is told when
 * one was kicked. All runs on the caller's loop, in one thread. Messages are
 * read whole, length-checked, and a frontend that breaks the protocol loses
 * the connection: `closed` is called once and the backend does nothing more.
 */
#ifndef VHOST_BACKEND_H
#define VHOST_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhost/message.h"

struct loop;
struct vhost_backend;
struct virtq;

enum { VHOST_QUEUES_MAX = 8 };

/* What a device is; all members but those marked optional must be set. */
struct vhost_device_impl {
	uint64_t features; /* virtio features offered beside VERSION_1, INDIRECT_DESC, EVENT_IDX */
	uint16_t queues;   /* at most VHOST_QUEUES_MAX */
	/*
	 * Whether another process may go on where this one ends: all the device knows stands
	 * in its chains and on its disk, and a chain may be done twice.
	 */
	bool resumes;
	uint16_t config_size; /* bytes of device configuration space, at most VHOST_CONFIG_MAX */
	/* Fills config_size bytes. */
	void (*config_read)(void *device, uint8_t *config);
	/* Optional: what the driver accepted, before any queue starts. */
	void (*negotiated)(void *device, uint64_t features);
	/*
	 * Optional: the queue became ready, or is about to go. Chains still held when
	 * it stops must be pushed now or forgotten: their memory may be gone after it.
	 */
	void (*queue_started)(void *device, unsigned index, struct virtq *queue);
	void (*queue_stopped)(void *device, unsigned index);
	/*
	 * The driver may have added chains; take all with virtq_pop(). What was pushed on
	 * return is signalled, and kicks that come meanwhile are suppressed: the call is
	 * repeated while chains wait. A device that has no room leaves chains where they
	 * are and calls vhost_backend_resume() when it has.
	 */
	void (*kicked)(void *device, unsigned index, struct virtq *queue);
	/* Optional: the driver broke a rule of the ring, named by `rule`; the queue is dead. */
	void (*broken)(void *device, unsigned index, const char *rule);
	/* The frontend is gone or was refused; why is a sentence. The program ends. */
	void (*closed)(void *device, const char *why);
};

/* Serves `device` on a connected socket, which it then owns. */
int vhost_backend_create(struct loop *loop, int socket, const struct vhost_device_impl *impl,
			 void *device, struct vhost_backend **ret);
void vhost_backend_destroy(struct vhost_backend *backend);

/* The queue when it is ready, else NULL. */
struct virtq *vhost_backend_queue(struct vhost_backend *backend, unsigned index);

/* Interrupts the driver when it wants to hear of what was pushed on the queue. */
void vhost_backend_signal(struct vhost_backend *backend, unsigned index);

/* Calls `kicked` for chains that were left waiting; harmless when none are or the queue is gone. */
void vhost_backend_resume(struct vhost_backend *backend, unsigned index);

/*
 * Tells the driver that the configuration space reads differently now. -ENOTCONN:
 * the frontend did not ask to be told, -EAGAIN: it does not listen.
 */
int vhost_backend_config_changed(struct vhost_backend *backend);

#endif
