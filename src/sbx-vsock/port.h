/*
 * The vsock device behind vhost-user: moves packets between the guest's queues
 * and vsock/device.h.
 *
 * Receive buffers are taken from the guest only when a packet waits, a few at a
 * time (VSOCK_ROOMS_MAX), so that one read of a socket fills several.
 */
#ifndef SBX_VSOCK_PORT_H
#define SBX_VSOCK_PORT_H

#include <stdint.h>

struct loop;
struct port;
struct vsock_device;

struct port_config {
	struct loop *loop; /* weak */
	int socket;	   /* vhost-user; the port's from creation on, also when that fails */
	uint64_t guest_cid;
	uint32_t knock_port;
	void *owner; /* first argument of all below; they are as in vsock/device.h */
	void (*knocked)(void *owner); /* only the first since the driver started */
	void (*answered)(void *owner, int fd, int code);
	void (*left)(void *owner, int tag);
	/* The VM is gone; why is a sentence. */
	void (*closed)(void *owner, const char *why);
};

int port_create(const struct port_config *config, struct port **ret);
void port_destroy(struct port *port);

/* As vsock_device_connect(), and the REQUEST is on its way. */
int port_connect(struct port *port, int fd, uint32_t guest_port, int tag);

#endif
