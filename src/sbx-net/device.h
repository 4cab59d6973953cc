/*
 * The network card of the guest: a virtio-net device served over vhost-user
 * (virtio 1.2 §5.1), between the queues and net/stack.h.
 *
 * Checksums and the cutting of large TCP frames are left undone both ways where
 * the driver agreed. Frames for the guest are written straight into its
 * receive buffers, over as many of them as they need.
 */
#ifndef SBX_NET_DEVICE_H
#define SBX_NET_DEVICE_H

#include <stddef.h>
#include <sys/uio.h>

struct device;
struct loop;
struct net_offload;
struct net_stack;

struct device_config {
	struct loop *loop;	 /* weak */
	int socket;		 /* vhost-user; the device's on success */
	struct net_stack *stack; /* weak, outlives the device */
	void *owner;
	void (*settled)(void *owner);		      /* the guest's frames were taken in */
	void (*closed)(void *owner, const char *why); /* the VM is gone */
};

int device_create(const struct device_config *config, struct device **ret);
void device_destroy(struct device *device);

/* As net_world's reserve() and send(). */
int device_reserve(struct device *device, size_t len, struct iovec *ret, int max);
void device_send(struct device *device, size_t len, const struct net_offload *offload);

/* Interrupts the guest if frames were sent since the last time and it wants to hear of them. */
void device_signal(struct device *device);

#endif
