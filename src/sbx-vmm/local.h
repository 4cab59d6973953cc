/*
 * A device that is a few lines of ours: its queues are taken on the main
 * thread, chain by chain. Rings beyond LOCAL_BATCH chains wait for their turn,
 * so that a guest that never stops ringing does not keep the thread.
 */
#ifndef SBX_VMM_LOCAL_H
#define SBX_VMM_LOCAL_H

#include <stdint.h>

#include "sbx-vmm/device.h"
#include "virtio/queue.h"

struct err;
struct local;
struct loop;

enum { LOCAL_QUEUES_MAX = 3, LOCAL_BATCH = 64, LOCAL_QUEUE_SIZE = 128 };

struct local_impl {
	struct virtio_mmio_config registers; /* mem, queue_size are filled in */
	const char *name;
	/* Serves one chain; returns the bytes written into it. */
	uint32_t (*serve)(struct local *local, unsigned queue, const struct virtq_chain *chain);
	/* Optional. */
	void (*config_written)(struct local *local);
	/* Frees the memory around struct local, which is finished. */
	void (*free)(struct local *local);
};

struct local_queue {
	struct virtq ring;
	struct loop_watch kicked;
	struct local *local; /* weak: whose it is */
};

struct local {
	struct device device;
	const struct local_impl *impl;
	struct loop *loop; /* weak */
	struct local_queue queue[LOCAL_QUEUES_MAX];
	struct virtq_chain chain; /* the one being served */
};

struct guestmem;

int local_init(struct local *local, const struct local_impl *impl, const struct guestmem *mem,
	       struct loop *loop, struct err *err);

#endif
