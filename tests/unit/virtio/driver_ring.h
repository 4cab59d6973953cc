/*
 * The driver's side of a split virtqueue, for tests and benchmarks: what a
 * guest does, and, because every field can be written raw, what a hostile one
 * does. The ring lives in guest memory; descriptors are chosen by the caller.
 */
#ifndef TESTS_UNIT_VIRTIO_DRIVER_RING_H
#define TESTS_UNIT_VIRTIO_DRIVER_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guestmem;
struct virtq_config;

struct driver_ring {
	const struct guestmem *mem; /* weak */
	uint16_t size;
	bool event_idx;
	uint64_t desc, avail, used; /* guest-physical */
	uint16_t avail_index;	    /* what was offered */
	uint16_t kicked;	    /* avail_index at the last kick */
	uint16_t used_seen;	    /* what was taken back */
};

/* A buffer of a chain. */
struct driver_buffer {
	uint64_t gpa;
	uint32_t len;
};

/* Lays an empty ring out at gpa (16-aligned) and returns the address behind it. */
uint64_t driver_ring_init(struct driver_ring *ring, const struct guestmem *mem, uint64_t gpa,
			  uint16_t size, bool event_idx);

/* The device's view of it, indirect descriptors negotiated. */
struct virtq_config driver_ring_config(const struct driver_ring *ring);

/* Writes descriptor number index of the table at gpa (the ring's own: ring->desc). */
void driver_ring_desc(const struct driver_ring *ring, uint64_t table, uint16_t index,
		      struct driver_buffer buffer, uint16_t flags, uint16_t next);

/* Chains count buffers in descriptors first, first + 1, …; those from `readable` on are writable.
 */
void driver_ring_chain(const struct driver_ring *ring, uint64_t table, uint16_t first,
		       const struct driver_buffer *buffers, size_t readable, size_t count);

/* Makes the chain at head available. */
void driver_ring_offer(struct driver_ring *ring, uint16_t head);

/* Whether the device asked to be kicked for what was offered since the last call. */
bool driver_ring_needs_kick(struct driver_ring *ring);

/* Takes back the next used chain; false when there is none. */
bool driver_ring_take(struct driver_ring *ring, uint32_t *ret_head, uint32_t *ret_written);

/* Whether driver_ring_take() would find none. */
bool driver_ring_is_empty(const struct driver_ring *ring);

/* Asks for an interrupt once the device has used all that was offered so far but `after`. */
void driver_ring_want_interrupt(struct driver_ring *ring, uint16_t after);

/* Sets avail->flags (VRING_AVAIL_F_NO_INTERRUPT) and the index raw. */
void driver_ring_set_flags(const struct driver_ring *ring, uint16_t flags);
void driver_ring_set_index(struct driver_ring *ring, uint16_t index);

#endif
