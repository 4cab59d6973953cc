/*
 * The area of a device in which its queues' chains under way are written down
 * (virtio/inflight.h): one shared memory for all queues, made by the first
 * process that serves the device, held by the frontend, given to the next one.
 */
#ifndef VHOST_INFLIGHT_H
#define VHOST_INFLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "vhost/message.h"

struct virtq_inflight;

struct vhost_inflight {
	uint8_t *mapping; /* owned; NULL: there is no area */
	size_t mapped;	  /* bytes of it */
	size_t offset;	  /* of the area in it */
	uint16_t queues, queue_size;
};

/* A new area, empty, for that many queues; *ret_area describes it and *ret_fd is the caller's. */
int vhost_inflight_make(uint16_t queues, uint16_t queue_size, struct vhost_area *ret_area,
			int *ret_fd);

/* Maps an area that such a call made, here or in another process; fd stays the caller's. */
int vhost_inflight_map(const struct vhost_area *area, int fd, struct vhost_inflight *ret);

/* Harmless when there is none. */
void vhost_inflight_finish(struct vhost_inflight *inflight);

/* The record of a queue of that many entries; NULL when the area has none that fits. */
struct virtq_inflight *vhost_inflight_at(const struct vhost_inflight *inflight, unsigned index,
					 uint16_t size);

#endif
