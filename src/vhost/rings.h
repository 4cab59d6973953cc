/*
 * The rings of one device: they start when the frontend has told all of them
 * that is needed, are served, and stop before anything under them changes.
 */
#ifndef VHOST_RINGS_H
#define VHOST_RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "vhost/backend.h"
#include "vhost/inflight.h"
#include "vhost/ring.h"
#include "vm/guestmem.h"

struct vhost_rings {
	struct loop *loop;		      /* weak */
	const struct vhost_device_impl *impl; /* weak */
	void *device;			      /* weak */
	struct guestmem mem;
	uint64_t features; /* accepted by the driver */
	struct vhost_inflight inflight;
	struct vhost_ring ring[VHOST_QUEUES_MAX];
};

void vhost_rings_init(struct vhost_rings *rings, struct loop *loop,
		      const struct vhost_device_impl *impl, void *device);

/* Stops all, closes what they own and unmaps the memory. */
void vhost_rings_finish(struct vhost_rings *rings);

/* Starts the ring if all is known of it; 0 also when it is not. Errors of vhost_ring_start(). */
int vhost_rings_start(struct vhost_ring *ring);
int vhost_rings_start_all(struct vhost_rings *rings);

/* Tells the device, then stops; harmless when it does not run. */
void vhost_rings_stop(struct vhost_ring *ring);
void vhost_rings_stop_all(struct vhost_rings *rings);

/* Has the device take what waits, until the queue is empty or the device full. */
void vhost_rings_serve(struct vhost_ring *ring);

/* The ring that index names, NULL when there is no such queue. */
struct vhost_ring *vhost_rings_at(struct vhost_rings *rings, uint64_t index);

/* The same, and NULL unless it runs and is not broken. */
struct vhost_ring *vhost_rings_live(struct vhost_rings *rings, uint64_t index);

#endif
