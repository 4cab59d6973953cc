/*
 * A split virtqueue, the device's side (virtio 1.2 §2.7).
 *
 * virtq_pop() takes the next descriptor chain and turns it into host iovecs:
 * first what the device may read, then what it may write. Each descriptor is
 * copied once and checked: it lies in guest memory, the chain has at most
 * VIRTQ_CHAIN_MAX parts, no loop, no indirect within indirect, nothing
 * readable after writable. A queue that broke a rule is dead (virtq_is_broken)
 * until the driver resets it; the device does not answer on it any more.
 */
#ifndef VIRTIO_QUEUE_H
#define VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct guestmem;
struct virtq_inflight;

enum {
	VIRTQ_SIZE_MAX = 1024,	    /* entries a queue may have */
	VIRTQ_CHAIN_MAX = 1024 + 2, /* buffers of one chain, indirect ones included */
};

struct virtq_config {
	const struct guestmem *mem; /* weak, outlives the queue */
	uint16_t size;		    /* entries, a power of two, at most VIRTQ_SIZE_MAX */
	/* In guest memory; length (virtq_bytes) and alignment (16, 2, 4) checked by the caller. */
	void *desc, *avail, *used;
	uint16_t last_avail; /* where to go on */
	bool event_idx;	     /* VIRTIO_F_EVENT_IDX was negotiated */
	bool indirect;	     /* VIRTIO_F_INDIRECT_DESC was negotiated */
	/* Where chains under way are written down, NULL: nowhere. Weak; fits the size. */
	struct virtq_inflight *inflight;
};

struct virtq {
	struct virtq_config config;
	uint16_t last_avail; /* next entry of the available ring to look at */
	uint16_t avail_seen; /* the available index when it was last looked at */
	uint16_t used_index; /* what the used ring's index will be next */
	uint16_t signalled;  /* used index at the last interrupt (EVENT_IDX) */
	bool signalled_valid;
	uint16_t resubmit; /* chains of an earlier process that wait to be popped again */
	uint64_t resubmit_counter, counter; /* of the next of them, of the next new one */
	const char *broken;		    /* the broken rule, or NULL */
};

/* Bytes of the three parts of a queue of size entries. */
struct virtq_bytes {
	size_t desc, avail, used;
};

/* One chain. Iovecs point into guest memory: [0, readable) to read, the rest to write. */
struct virtq_chain {
	uint16_t head;
	uint16_t readable; /* entries of vec that the device reads */
	uint16_t count;	   /* all entries of vec */
	struct iovec vec[VIRTQ_CHAIN_MAX];
};

struct virtq_bytes virtq_bytes(uint16_t size);

/*
 * Takes up a queue where its used ring and last_avail stand. Where chains are
 * written down, that record says where to go on instead, and the chains that were
 * under way are popped first, in the order in which they were taken.
 */
void virtq_init(struct virtq *queue, const struct virtq_config *config);

/* 1: a chain was taken, 0: none waits, -EPROTO: the guest broke a rule (the queue is dead). */
int virtq_pop(struct virtq *queue, struct virtq_chain *ret);

/* Gives the chain back with `written` bytes filled in. */
void virtq_push(struct virtq *queue, uint16_t head, uint32_t written);

/* A chain to be given back. */
struct virtq_used {
	uint16_t head;
	uint32_t written;
};

/*
 * Gives back several that belong together, as the buffers of one network frame do: a driver that
 * looks meanwhile sees all of them or none (virtio 1.2 §5.1.6.4.1).
 */
void virtq_push_all(struct virtq *queue, const struct virtq_used *used, size_t count);

/* Whether the driver wants an interrupt for what was pushed since the last call. */
bool virtq_wants_interrupt(struct virtq *queue);

/*
 * Tells the driver whether kicks are wanted. After enabling, look once more:
 * returns true when chains already wait.
 */
bool virtq_set_kicks(struct virtq *queue, bool on);

/* Whether chains were seen to wait that nobody has taken; does not look afresh. */
static inline bool virtq_has_more(const struct virtq *queue)
{
	return queue->resubmit > 0 || queue->avail_seen != queue->last_avail;
}

/* Grows by one with each chain popped. */
static inline uint16_t virtq_taken(const struct virtq *queue)
{
	return (uint16_t)(queue->last_avail - queue->resubmit);
}

static inline bool virtq_is_broken(const struct virtq *queue)
{
	return queue->broken != NULL;
}

#endif
