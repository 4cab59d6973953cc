/*
 * A scripted guest before the real sbx-vsock: the program runs in its jail, a
 * vhost-user frontend hands it our memory and queues, and what a guest's driver
 * does is done here packet by packet.
 */
#ifndef TESTS_UNIT_SBX_VSOCK_GUEST_H
#define TESTS_UNIT_SBX_VSOCK_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "jail/spawn.h"
#include "tests/unit/virtio/driver_ring.h"
#include "vm/guestmem.h"
#include "vsock/packet.h"

enum { GUEST_CID = 7, GUEST_WAIT_MS = 60000, GUEST_ROOM_SIZE = 4096, GUEST_QUEUES = 3 };

struct vhost_frontend;

struct guest {
	struct spawned child;
	char folder[64]; /* private, holds the socket */
	struct vhost_frontend *frontend;
	struct guestmem mem;
	int memory_fd;
	struct driver_ring ring[GUEST_QUEUES];
	int kick[GUEST_QUEUES], call[GUEST_QUEUES];
	struct err err;
	/* The packet that guest_next() found: its header, and its payload until the next one. */
	struct vsock_packet packet;
	const uint8_t *payload;
	uint32_t held; /* descriptor of that payload; UINT32_MAX: none */
	unsigned tx_next;
};

/* Starts sbx-vsock (environment SBX_VSOCK) and the driver. */
int guest_start(struct guest *guest);

/* Ends the VM: the program must exit by itself with 0; returns whether it did. */
bool guest_stop(struct guest *guest);

/* A connection to the program's Unix socket that asked; -errno. */
int guest_ask(const struct guest *guest, const void *ask, size_t len);

/* The next packet for the guest; false: none came in time. */
bool guest_next(struct guest *guest);

/* Sends a packet: ports of the one that guest_next() found, the other way round. */
void guest_answer(struct guest *guest, enum vsock_op op, uint32_t flags, const void *payload,
		  size_t len);

/* Sends any packet. */
void guest_send(struct guest *guest, const struct vsock_packet *packet, const void *payload,
		size_t len);

#endif
