/*
 * The virtio-vsock device (virtio 1.2 §5.10), stream sockets only, without its
 * transport: packets of the guest go in, packets for the guest come out, and
 * every connection is a Unix socket on the host's side.
 *
 * All connections are opened by the host. A guest that asks for one is refused
 * at once with RST; on one port (config.knock_port) the asking itself is a
 * message. So what a guest can make this device hold is bounded by what the
 * host opened, BACKLOG_SIZE each.
 *
 * Flow control both ways. To the host: what its socket does not take waits in
 * the connection's backlog, whose size is the guest's credit; a guest that sends
 * beyond it is reset. To the guest: a socket is read only when the guest has
 * credit for it and has offered buffers, straight into those buffers.
 *
 * Half-closes pass through in both directions.
 */
#ifndef VSOCK_DEVICE_H
#define VSOCK_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct loop;
struct vsock_device;

enum { VSOCK_CONNECTIONS_MAX = 1024, VSOCK_ROOM_PARTS = 4, VSOCK_ROOMS_MAX = 16 };

struct vsock_device_config {
	struct loop *loop; /* weak */
	uint64_t guest_cid;
	uint32_t knock_port;
	unsigned connect_timeout_ms; /* 0: ten seconds */
	void *owner;		     /* first argument of all below */
	/* The guest asked to connect to knock_port. */
	void (*knocked)(void *owner);
	/*
	 * The guest answered (code 0), refused (ECONNREFUSED) or did not answer in time
	 * (ETIMEDOUT) the connection on fd; nothing of the stream was read or written yet.
	 * fd is still the device's; after a code it is closed.
	 */
	void (*answered)(void *owner, int fd, int code);
	/* The host's end of a connection is gone, or the guest ended it. Once for each. */
	void (*left)(void *owner, int tag);
	/* Packets wait for the guest; called from the loop only. See vsock_device_deliver(). */
	void (*wanted)(void *owner);
};

int vsock_device_create(const struct vsock_device_config *config, struct vsock_device **ret);
void vsock_device_destroy(struct vsock_device *device);

/* The driver started anew: whatever the guest knew of is gone. */
void vsock_device_reset(struct vsock_device *device);

/*
 * Connects a stream socket to the guest's port; on success fd belongs to the
 * device and vsock_device_deliver() is due. -ENOSPC when all are in use.
 */
int vsock_device_connect(struct vsock_device *device, int fd, uint32_t port, int tag);

/* Whether a packet can be received: not while replies wait that the guest must first take. */
bool vsock_device_can_receive(const struct vsock_device *device);

/*
 * One packet of the guest, in count buffers that the guest may change meanwhile.
 * vsock_device_can_receive() must hold; vsock_device_deliver() is due after it.
 */
void vsock_device_receive(struct vsock_device *device, const struct iovec *vec, size_t count);

/* A buffer that the guest offers for one packet. */
struct vsock_room {
	struct iovec vec[VSOCK_ROOM_PARTS];
	size_t count;	  /* parts in use */
	uint32_t written; /* bytes of the packet in it, after delivery */
};

/* Whether a packet would go out now. */
bool vsock_device_has_packets(const struct vsock_device *device);

/*
 * Puts packets into the first rooms of count (at most VSOCK_ROOMS_MAX) and
 * returns how many it used. Call it again while rooms are left and
 * vsock_device_has_packets().
 */
size_t vsock_device_deliver(struct vsock_device *device, struct vsock_room *rooms, size_t count);

#endif
