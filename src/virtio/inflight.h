/*
 * Chains that a device has taken and not yet given back, kept in memory that
 * outlives its process, so that the next process goes on with them (QEMU
 * docs/interop/vhost-user.rst, "Inflight I/O tracking", split virtqueue).
 *
 * The record is written before and after the used ring is, in such an order that
 * a process killed between any two stores leaves a record that can be settled.
 * Who reads it afterwards does not trust it: a process that ended may have been
 * the guest's. Whatever stands in it, each head is below the queue's size and
 * is named once.
 */
#ifndef VIRTIO_INFLIGHT_H
#define VIRTIO_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtq_inflight_entry {
	uint8_t taken; /* 1: and not given back */
	uint8_t padding[5];
	uint16_t next;	  /* the head given back before this one */
	uint64_t counter; /* order of taking */
};

/* The record of one queue, all zero but version and size when it is new. */
struct virtq_inflight {
	uint64_t features;
	uint16_t version;
	uint16_t size;	     /* entries */
	uint16_t last_head;  /* given back last */
	uint16_t used_index; /* of the used ring when that was complete */
	struct virtq_inflight_entry entry[];
};

/* Bytes from one queue's record to the next. */
size_t virtq_inflight_bytes(uint16_t size);

/* Makes zeroed memory a record. */
void virtq_inflight_init(struct virtq_inflight *record, uint16_t size);

/* Whether it can serve a queue of that many entries. */
bool virtq_inflight_fits(const struct virtq_inflight *record, uint16_t size);

/*
 * Settles what the end of a process left half done, given where the used ring
 * stands. Returns how many chains are under way; *ret_counter is above all of theirs.
 */
uint16_t virtq_inflight_settle(struct virtq_inflight *record, uint16_t size, uint16_t used_index,
			       uint64_t *ret_counter);

/*
 * Of the chains under way, the first taken with a counter of at least *counter; moves
 * *counter behind it. -1: there is none.
 */
int virtq_inflight_next(const struct virtq_inflight *record, uint16_t size, uint64_t *counter);

/* A chain is taken; before the device looks at it. */
void virtq_inflight_take(struct virtq_inflight *record, uint16_t head, uint64_t counter);

/* A chain is given back: before and after the used ring's index is stored. */
void virtq_inflight_return(struct virtq_inflight *record, uint16_t head);
void virtq_inflight_returned(struct virtq_inflight *record, uint16_t head, uint16_t used_index);

#endif
