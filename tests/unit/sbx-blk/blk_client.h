/*
 * A guest's block driver in small, for tests and benchmarks: a frontend with
 * one queue, whose requests are submitted into slots and completed in any order.
 */
#ifndef TESTS_UNIT_SBX_BLK_BLK_CLIENT_H
#define TESTS_UNIT_SBX_BLK_BLK_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tests/unit/virtio/driver_ring.h"
#include "vhost/frontend.h"
#include "vm/guestmem.h"

enum {
	BLK_SLOTS = 40,		/* more than the device has under way */
	BLK_DATA_MAX = 1 << 20, /* bytes of data a slot holds */
	BLK_LOST = -1,		/* no answer came in time */
};

struct blk_client {
	struct vhost_frontend *frontend;
	struct vhost_frontend_inflight inflight; /* fd -1: the backend has none */
	struct guestmem mem;
	struct driver_ring ring;
	int memory_fd, kick, call;
	uint64_t features; /* what was negotiated */
	struct err err;
};

/* Takes over a connected socket; the queue runs afterwards. 0 or -errno with a sentence in err. */
int blk_client_start(struct blk_client *client, int socket);
/*
 * The backend has ended; another one is at this socket, which is taken over. What was
 * submitted and not completed completes there.
 */
int blk_client_go_on(struct blk_client *client, int socket);
void blk_client_finish(struct blk_client *client);

/* The slot's data, BLK_DATA_MAX bytes. */
uint8_t *blk_client_data(const struct blk_client *client, unsigned slot);

/* Makes a request available: type VIRTIO_BLK_T_*, len bytes of the slot's data. */
void blk_client_submit(struct blk_client *client, unsigned slot, uint32_t type, uint64_t sector,
		       uint32_t len);

/* Kicks when the device asked for it. */
void blk_client_kick(struct blk_client *client);

/* Waits for any request to complete; returns its slot, or BLK_LOST. */
int blk_client_complete(struct blk_client *client);

/* The slot of a request that has completed, or BLK_LOST; does not wait. */
int blk_client_take(struct blk_client *client);

/* The status byte of a completed slot. */
uint8_t blk_client_status(const struct blk_client *client, unsigned slot);

/* One request alone in slot 0; returns its status or BLK_LOST. */
int blk_client_do(struct blk_client *client, uint32_t type, uint64_t sector, uint32_t len);

/* The disk's size in sectors as its configuration space tells now. */
uint64_t blk_client_capacity(struct blk_client *client);

#endif
