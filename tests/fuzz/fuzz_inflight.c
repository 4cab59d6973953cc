/*
 * The record of chains under way that one process of a device leaves to the next. The input
 * is the frontend's description of the area, what the device and its driver do, and what
 * stands in the area; or that it is a new one.
 *
 * Whatever stands there, a process gets no head twice of those that it takes over, and none
 * that the queue has not. Of a new one no chain is lost and none is given back twice, wherever
 * between two stores a process ends.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/virtio/driver_ring.h"
#include "vhost/inflight.h"
#include "virtio/inflight.h"
#include "virtio/queue.h"
#include "vm/guestmem.h"

enum { SIZE = 8, QUEUES = 2, MEMORY = 4096, DATA = 2048, AREA_MAX = 4096 };
enum { KIND = 1, AREA = 20, STEPS = 32, FIXED = KIND + AREA + STEPS };

/* What a byte of the input's steps asks for, in its low bits; the rest chooses a chain. */
enum step { OFFER, POP, PUSH, END, END_BEFORE_INDEX, END_BEFORE_RECORD, STEP_COUNT };

static uint64_t memory[MEMORY / 8];

struct world {
	struct guestmem mem;
	struct driver_ring ring;
	struct virtq_inflight *record;
	struct virtq queue;
	struct virtq_chain chain;
	bool is_new;	    /* the record was, so all that it says is true */
	unsigned with_us;   /* heads, a bit each: offered, not given back */
	unsigned in_device; /* popped by this process, not given back */
};

/* A process takes the queue up; what an earlier one had popped comes first. */
static void take_up(struct world *world)
{
	struct virtq_config config = driver_ring_config(&world->ring);

	config.inflight = world->record;
	virtq_init(&world->queue, &config);
	world->in_device = 0;
	assert(world->queue.resubmit <= SIZE);
}

static void offer(struct world *world, uint16_t head)
{
	const struct driver_buffer buffer = { DATA, 16 };

	if ((world->with_us & 1U << head) != 0)
		return;
	world->with_us |= 1U << head;
	driver_ring_chain(&world->ring, world->ring.desc, head, &buffer, 0, 1);
	driver_ring_offer(&world->ring, head);
}

static bool pop(struct world *world)
{
	bool is_again = world->queue.resubmit > 0;

	if (virtq_pop(&world->queue, &world->chain) != 1)
		return false;
	assert(world->chain.head < SIZE);
	if (world->is_new || (is_again && world->queue.resubmit > 0))
		assert((world->in_device & 1U << world->chain.head) == 0);
	assert(!world->is_new || (world->with_us & 1U << world->chain.head) != 0);
	world->in_device |= 1U << world->chain.head;
	return true;
}

/* Gives a chain back, or ends in the middle of it. */
static void push(struct world *world, uint16_t head, enum step step)
{
	struct virtq_inflight_entry *entry = &world->record->entry[head];
	uint16_t used_index = world->record->used_index;

	if ((world->in_device & 1U << head) == 0)
		return;
	if (step == END_BEFORE_INDEX) {
		virtq_inflight_return(world->record, head);
		take_up(world);
		return;
	}
	virtq_push(&world->queue, head, 0);
	world->in_device &= ~(1U << head);
	world->with_us &= ~(1U << head);
	if (step == END_BEFORE_RECORD) {
		entry->taken = 1;
		world->record->used_index = used_index;
		take_up(world);
	}
}

static void do_step(struct world *world, uint8_t byte)
{
	enum step step = byte % STEP_COUNT;
	uint16_t head = byte / STEP_COUNT % SIZE;

	if (step == OFFER)
		offer(world, head);
	else if (step == POP)
		(void)pop(world);
	else if (step == END)
		take_up(world);
	else
		push(world, head, step);
}

/* Another process gets all that is with the device, and nothing else. */
static void finish(struct world *world)
{
	take_up(world);
	for (unsigned i = 0; i < 2 * SIZE && pop(world); i++)
		;
	assert(!world->is_new || world->in_device == world->with_us);
}

static void run(struct virtq_inflight *record, bool is_new, const uint8_t *steps)
{
	struct world world = { .record = record, .is_new = is_new };

	memset(memory, 0, sizeof(memory));
	(void)guestmem_add(&world.mem, 0, MEMORY, memory);
	(void)driver_ring_init(&world.ring, &world.mem, 0, SIZE, false);
	take_up(&world);
	for (unsigned i = 0; i < STEPS; i++)
		do_step(&world, steps[i]);
	finish(&world);
	guestmem_finish(&world.mem);
}

/* The frontend's area, with these bytes in it. */
static int make_hostile(const uint8_t *described, const uint8_t *bytes, size_t len,
			struct vhost_area *ret, int *ret_fd)
{
	*ret = (struct vhost_area){ .size = le64_load(described),
				    .offset = le64_load(described + 8),
				    .queues = le16_load(described + 16),
				    .queue_size = le16_load(described + 18) };
	*ret_fd = memfd_create("fuzz", MFD_CLOEXEC);
	return *ret_fd < 0 || write(*ret_fd, bytes, len) != (ssize_t)len ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_new = size > 0 && data[0] % 2 != 0;
	struct vhost_inflight inflight;
	struct virtq_inflight *record;
	struct vhost_area area;
	int fd = -1, r;

	if (size < FIXED || size > FIXED + AREA_MAX)
		return 0;
	r = is_new ? vhost_inflight_make(QUEUES, SIZE, &area, &fd)
		   : make_hostile(data + KIND, data + FIXED, size - FIXED, &area, &fd);
	assert(r == 0);
	if (vhost_inflight_map(&area, fd, &inflight) == 0) {
		for (unsigned i = 0; i <= QUEUES; i++) {
			record = vhost_inflight_at(&inflight, i, SIZE);
			if (record != NULL)
				run(record, is_new, data + KIND + AREA);
		}
		vhost_inflight_finish(&inflight);
	}
	(void)close(fd);
	return 0;
}
