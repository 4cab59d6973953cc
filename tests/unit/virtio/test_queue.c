#include "virtio/queue.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/check.h"
#include "tests/unit/test.h"
#include "tests/unit/virtio/driver_ring.h"
#include "vm/guestmem.h"

enum {
	MEMORY = 1 << 20,
	DATA = 0x40000,	 /* guest-physical, free for buffers */
	TABLE = 0x80000, /* free for indirect tables */
	SIZE = 8,	 /* of the ring */
	ROUNDS = 500,	 /* with a driver that looks at the same time */
};

static uint64_t memory[MEMORY / 8];
static struct guestmem mem;
static struct driver_ring ring;
static struct virtq queue;
static struct virtq_chain chain;

static void start(bool event_idx)
{
	struct virtq_config config;

	memset(memory, 0, sizeof(memory));
	guestmem_finish(&mem);
	(void)guestmem_add(&mem, 0, MEMORY, memory);
	(void)driver_ring_init(&ring, &mem, 0x1000, SIZE, event_idx);
	config = driver_ring_config(&ring);
	virtq_init(&queue, &config);
}

/* The rule that a pop breaks; "" when it breaks none. */
static const char *broken_rule(void)
{
	int r = virtq_pop(&queue, &chain);

	if (r == -EPROTO && virtq_is_broken(&queue) && virtq_pop(&queue, &chain) == -EPROTO)
		return queue.broken;
	return "";
}

/* Offers one descriptor and returns the rule it breaks. */
static const char *broken_by(uint64_t gpa, uint32_t len, uint16_t flags, uint16_t next)
{
	start(false);
	driver_ring_desc(&ring, ring.desc, 0, (struct driver_buffer){ gpa, len }, flags, next);
	driver_ring_offer(&ring, 0);
	return broken_rule();
}

TEST(chain_becomes_iovecs)
{
	const struct driver_buffer buffers[] = { { DATA, 16 },
						 { DATA + 64, 100 },
						 { DATA + 512, 1 } };
	uint32_t head, written;

	start(false);
	CHECK_EQ(virtq_pop(&queue, &chain), 0);
	driver_ring_chain(&ring, ring.desc, 3, buffers, 2, 3);
	driver_ring_offer(&ring, 3);
	CHECK_EQ(virtq_pop(&queue, &chain), 1);
	CHECK_EQ(chain.head, 3);
	CHECK_EQ(chain.count, 3);
	CHECK_EQ(chain.readable, 2);
	for (size_t i = 0; i < 3; i++) {
		CHECK(chain.vec[i].iov_base == (uint8_t *)memory + buffers[i].gpa);
		CHECK_EQ(chain.vec[i].iov_len, buffers[i].len);
	}
	CHECK_EQ(virtq_pop(&queue, &chain), 0);
	CHECK(!driver_ring_take(&ring, &head, &written));
	virtq_push(&queue, 3, 77);
	CHECK(driver_ring_take(&ring, &head, &written));
	CHECK_EQ(head, 3);
	CHECK_EQ(written, 77);
}

TEST(indices_wrap)
{
	const struct driver_buffer buffer = { DATA, 4 };
	uint32_t head, written;

	start(true);
	driver_ring_chain(&ring, ring.desc, 5, &buffer, 0, 1);
	for (uint32_t i = 0; i < 70000; i++) {
		driver_ring_offer(&ring, 5);
		CHECK_EQ(virtq_pop(&queue, &chain), 1);
		virtq_push(&queue, chain.head, i);
		CHECK(driver_ring_take(&ring, &head, &written));
		CHECK_EQ(written, i);
	}
}

/* A driver that takes one as soon as there is one finds the others too. */
static void *take_together(void *context)
{
	atomic_int *taken = context; /* rounds; negative: one was not whole */

	for (int round = 1; round <= ROUNDS; round++) {
		uint32_t head, written;
		bool whole = true;

		while (!driver_ring_take(&ring, &head, &written))
			(void)sched_yield();
		for (uint32_t i = 1; i < 3; i++)
			whole = whole && driver_ring_take(&ring, &head, &written) && head == i &&
				written == 10 + i;
		*taken = whole ? round : -1;
		if (!whole)
			break;
	}
	return NULL;
}

TEST(chains_that_belong_together_are_given_back_together)
{
	static const struct virtq_used used[] = { { 0, 10 }, { 1, 11 }, { 2, 12 } };
	const struct driver_buffer buffer = { DATA, 4 };
	atomic_int taken = 0;
	pthread_t driver;

	start(false);
	for (uint16_t i = 0; i < countof(used); i++) {
		driver_ring_chain(&ring, ring.desc, i, &buffer, 0, 1);
		driver_ring_offer(&ring, i);
		CHECK_EQ(virtq_pop(&queue, &chain), 1);
	}
	CHECK_EQ(pthread_create(&driver, NULL, take_together, &taken), 0);
	for (int round = 1; round <= ROUNDS && taken >= 0; round++) {
		virtq_push_all(&queue, used, countof(used));
		while (taken >= 0 && taken < round)
			(void)sched_yield();
	}
	CHECK_EQ(pthread_join(driver, NULL), 0);
	CHECK_EQ(taken, ROUNDS);
}

TEST(a_queue_goes_on_where_it_stood)
{
	const struct driver_buffer buffer = { DATA, 4 };
	struct virtq_config config;

	start(false);
	driver_ring_chain(&ring, ring.desc, 0, &buffer, 1, 1);
	for (int i = 0; i < 3; i++) {
		driver_ring_offer(&ring, 0);
		CHECK_EQ(virtq_pop(&queue, &chain), 1);
		virtq_push(&queue, 0, 0);
	}
	config = driver_ring_config(&ring);
	config.last_avail = queue.last_avail;
	virtq_init(&queue, &config);
	CHECK_EQ(queue.used_index, 3);
	CHECK_EQ(virtq_pop(&queue, &chain), 0);
	driver_ring_offer(&ring, 0);
	CHECK_EQ(virtq_pop(&queue, &chain), 1);
}

TEST(indirect_tables_are_followed)
{
	const struct driver_buffer direct = { DATA, 8 };
	const struct driver_buffer inner[] = { { DATA + 16, 8 }, { DATA + 32, 8 } };

	start(false);
	/* A normal descriptor, then an indirect table: unusual, but allowed (§2.7.5.3.2). */
	driver_ring_desc(&ring, ring.desc, 0, direct, VRING_DESC_F_NEXT, 1);
	driver_ring_desc(&ring, ring.desc, 1, (struct driver_buffer){ TABLE, 32 },
			 VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0);
	driver_ring_chain(&ring, TABLE, 0, inner, 1, 2);
	driver_ring_offer(&ring, 0);
	CHECK_EQ(virtq_pop(&queue, &chain), 1);
	CHECK_EQ(chain.count, 3);
	CHECK_EQ(chain.readable, 2);
	CHECK(chain.vec[2].iov_base == (uint8_t *)memory + DATA + 32);
}

TEST(indirect_tables_may_be_unaligned_and_full)
{
	static struct driver_buffer inner[VIRTQ_CHAIN_MAX + 1];

	start(false);
	for (size_t i = 0; i < VIRTQ_CHAIN_MAX + 1; i++)
		inner[i] = (struct driver_buffer){ DATA + i, 1 };
	driver_ring_desc(&ring, ring.desc, 0,
			 (struct driver_buffer){ TABLE + 1, 16 * VIRTQ_CHAIN_MAX },
			 VRING_DESC_F_INDIRECT, 0);
	driver_ring_chain(&ring, TABLE + 1, 0, inner, 0, VIRTQ_CHAIN_MAX);
	driver_ring_offer(&ring, 0);
	CHECK_EQ(virtq_pop(&queue, &chain), 1);
	CHECK_EQ(chain.count, VIRTQ_CHAIN_MAX);
	driver_ring_desc(&ring, ring.desc, 0,
			 (struct driver_buffer){ TABLE + 1, 16 * (VIRTQ_CHAIN_MAX + 1) },
			 VRING_DESC_F_INDIRECT, 0);
	driver_ring_chain(&ring, TABLE + 1, 0, inner, 0, VIRTQ_CHAIN_MAX + 1);
	driver_ring_offer(&ring, 0);
	CHECK_STR(broken_rule(), "a chain has too many buffers");
}

TEST(v01_broken_descriptors_kill_the_queue)
{
	const char *outside = "a buffer lies outside guest memory";

	CHECK_STR(broken_by(DATA, 0, 0, 0), "a buffer is empty");
	CHECK_STR(broken_by(DATA, UINT32_MAX, 0, 0), outside);
	CHECK_STR(broken_by(MEMORY, 1, 0, 0), outside);
	CHECK_STR(broken_by(MEMORY - 1, 2, 0, 0), outside);
	CHECK_STR(broken_by(UINT64_MAX, 1, 0, 0), outside);
	CHECK_STR(broken_by(UINT64_MAX - 7, 16, 0, 0), outside);
	CHECK_STR(broken_by(DATA, 8, VRING_DESC_F_NEXT, SIZE),
		  "a descriptor index is outside its table");
	CHECK_STR(broken_by(DATA, 8, VRING_DESC_F_NEXT, 0), "a chain loops");
}

TEST(v01_broken_indirect_tables_kill_the_queue)
{
	const uint16_t indirect = VRING_DESC_F_INDIRECT;

	CHECK_STR(broken_by(TABLE, 0, indirect, 0),
		  "an indirect table has no whole number of entries");
	CHECK_STR(broken_by(TABLE, 24, indirect, 0),
		  "an indirect table has no whole number of entries");
	CHECK_STR(broken_by(MEMORY - 8, 16, indirect, 0),
		  "an indirect table lies outside guest memory");
	CHECK_STR(broken_by(TABLE, 16, indirect | VRING_DESC_F_NEXT, 1),
		  "a descriptor is both indirect and chained");
	/* The table at TABLE is zeroes: its first buffer is empty. */
	CHECK_STR(broken_by(TABLE, 16, indirect, 0), "a buffer is empty");
	start(false);
	driver_ring_desc(&ring, TABLE, 0, (struct driver_buffer){ TABLE, 16 }, indirect, 0);
	driver_ring_desc(&ring, ring.desc, 0, (struct driver_buffer){ TABLE, 16 }, indirect, 0);
	driver_ring_offer(&ring, 0);
	CHECK_STR(broken_rule(), "an indirect table stands in an indirect table");
	start(false);
	queue.config.indirect = false;
	driver_ring_desc(&ring, ring.desc, 0, (struct driver_buffer){ TABLE, 16 }, indirect, 0);
	driver_ring_offer(&ring, 0);
	CHECK_STR(broken_rule(), "an indirect table was not negotiated");
}

TEST(v01_readable_after_writable_kills_the_queue)
{
	start(false);
	driver_ring_desc(&ring, ring.desc, 0, (struct driver_buffer){ DATA, 8 },
			 VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
	driver_ring_desc(&ring, ring.desc, 1, (struct driver_buffer){ DATA, 8 }, 0, 0);
	driver_ring_offer(&ring, 0);
	CHECK_STR(broken_rule(), "a readable buffer follows a writable one");
}

TEST(v01_buffers_do_not_cross_regions)
{
	static uint8_t more[4096];

	start(false);
	CHECK_EQ(guestmem_add(&mem, MEMORY, sizeof(more), more), 0);
	driver_ring_desc(&ring, ring.desc, 0, (struct driver_buffer){ MEMORY - 8, 16 }, 0, 0);
	driver_ring_offer(&ring, 0);
	CHECK_STR(broken_rule(), "a buffer lies outside guest memory");
}

TEST(v01_heads_outside_the_table_kill_the_queue)
{
	start(false);
	driver_ring_offer(&ring, SIZE);
	CHECK_STR(broken_rule(), "a descriptor index is outside its table");
}

TEST(v02_index_jumps_kill_the_queue)
{
	start(false);
	driver_ring_set_index(&ring, SIZE + 1);
	CHECK_STR(broken_rule(), "more chains are available than the queue has entries");
	start(false);
	driver_ring_set_index(&ring, UINT16_MAX);
	CHECK_STR(broken_rule(), "more chains are available than the queue has entries");
}

TEST(a_dead_queue_answers_nothing)
{
	uint32_t head, written;

	start(false);
	driver_ring_offer(&ring, SIZE);
	CHECK_EQ(virtq_pop(&queue, &chain), -EPROTO);
	virtq_push(&queue, 0, 0);
	CHECK(!driver_ring_take(&ring, &head, &written));
	CHECK(!virtq_wants_interrupt(&queue));
	CHECK(!virtq_set_kicks(&queue, true));
}

/* Offers and serves n chains. */
static void serve(unsigned n)
{
	const struct driver_buffer buffer = { DATA, 4 };

	driver_ring_chain(&ring, ring.desc, 0, &buffer, 1, 1);
	for (unsigned i = 0; i < n; i++) {
		driver_ring_offer(&ring, 0);
		if (virtq_pop(&queue, &chain) == 1)
			virtq_push(&queue, chain.head, 0);
	}
}

TEST(interrupts_follow_the_flag_without_event_idx)
{
	start(false);
	CHECK(!virtq_wants_interrupt(&queue));
	serve(2);
	CHECK(virtq_wants_interrupt(&queue));
	CHECK(!virtq_wants_interrupt(&queue));
	driver_ring_set_flags(&ring, VRING_AVAIL_F_NO_INTERRUPT);
	serve(1);
	CHECK(!virtq_wants_interrupt(&queue));
}

TEST(interrupts_follow_the_event_index)
{
	start(true);
	serve(1);
	CHECK(virtq_wants_interrupt(&queue));
	serve(1);
	CHECK(!virtq_wants_interrupt(&queue));		   /* the driver still waits for index 0 */
	driver_ring_want_interrupt(&ring, UINT16_MAX - 1); /* for the one after the next */
	serve(1);
	CHECK(!virtq_wants_interrupt(&queue));
	serve(1);
	CHECK(virtq_wants_interrupt(&queue));
}

TEST(kicks_are_suppressed_and_missed_ones_found)
{
	const struct driver_buffer buffer = { DATA, 4 };

	for (int event_idx = 0; event_idx < 2; event_idx++) {
		start(event_idx != 0);
		driver_ring_chain(&ring, ring.desc, 0, &buffer, 1, 1);
		CHECK(!virtq_set_kicks(&queue, true));
		driver_ring_offer(&ring, 0);
		CHECK(driver_ring_needs_kick(&ring));
		CHECK(!virtq_set_kicks(&queue, false));
		CHECK_EQ(virtq_pop(&queue, &chain), 1);
		driver_ring_offer(&ring, 0);
		CHECK(!driver_ring_needs_kick(&ring));
		CHECK(virtq_set_kicks(&queue, true));
		CHECK_EQ(virtq_pop(&queue, &chain), 1);
		CHECK(!virtq_set_kicks(&queue, true));
	}
}

TEST_MAIN()
