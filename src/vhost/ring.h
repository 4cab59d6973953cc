/*
 * One queue of a vhost-user backend: what the frontend has told of it so far,
 * and, while it runs, the virtqueue made of that.
 *
 *	idle     may be described: size, addresses, base, kick, call, enable.
 *	running  every part is known, it is enabled and kicked or may be: `queue`
 *	         is valid and the kick is watched. Describing it anew, except for
 *	         call and err, needs vhost_ring_stop() first.
 *	broken   running, but the driver broke a rule: nobody listens to the kick.
 */
#ifndef VHOST_RING_H
#define VHOST_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "vhost/message.h"
#include "virtio/queue.h"

struct guestmem;
struct virtq_inflight;
struct vhost_rings;

struct vhost_ring {
	struct vhost_rings *rings; /* weak, its owner */
	unsigned index;		   /* of the queue in its device */
	struct virtq queue;	   /* valid while running */
	bool running;
	bool enabled;
	bool addressed; /* `address` was told */
	uint16_t size;	/* entries; 0: not told yet */
	uint16_t base;	/* the available index to go on at */
	struct vhost_address address;
	int kick, call, error; /* owned eventfds; -1: none */
	struct loop_watch watch;
};

/* What was negotiated for all rings of a device. */
struct vhost_ring_config {
	struct loop *loop;	    /* weak */
	const struct guestmem *mem; /* weak */
	bool event_idx, indirect;
	struct virtq_inflight *inflight; /* weak; NULL: none */
	loop_watch_fn *kicked;
};

void vhost_ring_init(struct vhost_ring *ring, struct vhost_rings *rings, unsigned index);

/* Whether all is known that a start needs. */
bool vhost_ring_is_ready(const struct vhost_ring *ring);

/* Idle to running. -EFAULT: its parts are not in guest memory or not aligned, or -errno. */
int vhost_ring_start(struct vhost_ring *ring, const struct vhost_ring_config *config);

/* Running to idle; base is where the next start goes on. Harmless when idle. */
void vhost_ring_stop(struct vhost_ring *ring);

/* Forgets all that was told and closes the descriptors; idle. */
void vhost_ring_clear(struct vhost_ring *ring);

/* Takes fd (or -1) as the new kick, call or error eventfd, made non-blocking. */
int vhost_ring_set_fd(int *place, int fd);

/* Empties the kick; false when the descriptor is no working eventfd. */
bool vhost_ring_take_kick(struct vhost_ring *ring);

/* Has the loop call `kicked` again, as if the driver had kicked. */
void vhost_ring_kick_again(const struct vhost_ring *ring);

/* Interrupts the driver when it wants it. */
void vhost_ring_signal(struct vhost_ring *ring);

/* Running to broken: stops listening and tells the frontend. */
void vhost_ring_break(struct vhost_ring *ring);

#endif
