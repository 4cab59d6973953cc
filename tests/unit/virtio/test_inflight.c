/*
 * A device that ends in the middle and another that goes on: the queue is the
 * same, struct virtq is a new one, as it is in a new process.
 */
#include "virtio/inflight.h"

#include <linux/virtio_ring.h>

#include "tests/unit/test.h"
#include "tests/unit/virtio/driver_ring.h"
#include "virtio/queue.h"
#include "vm/guestmem.h"

enum { MEMORY = 1 << 20, DATA = 0x40000, SIZE = 8, RECORD_MAX = 1024 };

static uint64_t memory[MEMORY / 8];
static uint64_t record_memory[RECORD_MAX / 8];
static struct virtq_inflight *const record = (void *)record_memory;
static struct guestmem mem;
static struct driver_ring ring;
static struct virtq queue;
static struct virtq_chain chain;

/* A process takes the queue up. */
static void take_up(void)
{
	struct virtq_config config = driver_ring_config(&ring);

	config.inflight = record;
	config.last_avail = 0;
	virtq_init(&queue, &config);
}

static void start(void)
{
	memset(memory, 0, sizeof(memory));
	memset(record_memory, 0, sizeof(record_memory));
	guestmem_finish(&mem);
	(void)guestmem_add(&mem, 0, MEMORY, memory);
	(void)driver_ring_init(&ring, &mem, 0x1000, SIZE, false);
	virtq_inflight_init(record, SIZE);
	take_up();
}

static void offer(uint16_t head)
{
	const struct driver_buffer buffer = { DATA, 16 };

	driver_ring_chain(&ring, ring.desc, head, &buffer, 0, 1);
	driver_ring_offer(&ring, head);
}

/* The head of the next chain; -1: there is none. */
static int pop(void)
{
	return virtq_pop(&queue, &chain) == 1 ? chain.head : -1;
}

static bool used(uint32_t head)
{
	uint32_t got, written;

	return driver_ring_take(&ring, &got, &written) && got == head;
}

TEST(a_record_has_room_for_its_entries)
{
	CHECK_EQ(sizeof(struct virtq_inflight), 16);
	CHECK_EQ(sizeof(struct virtq_inflight_entry), 16);
	CHECK_EQ(virtq_inflight_bytes(1), 64);
	CHECK_EQ(virtq_inflight_bytes(128), 16 + 128 * 16 + 48);
	start();
	CHECK(virtq_inflight_fits(record, SIZE));
	CHECK(!virtq_inflight_fits(record, SIZE * 2));
	record->version = 2;
	CHECK(!virtq_inflight_fits(record, SIZE));
}

TEST(what_was_under_way_comes_again_in_order)
{
	start();
	for (int head = 5; head >= 2; head--)
		offer((uint16_t)head);
	CHECK_EQ(pop(), 5);
	CHECK_EQ(pop(), 4);
	CHECK_EQ(pop(), 3);
	virtq_push(&queue, 4, 0);
	take_up();
	CHECK(virtq_has_more(&queue));
	CHECK_EQ(virtq_taken(&queue), 1);
	CHECK_EQ(pop(), 5);
	CHECK_EQ(virtq_taken(&queue), 2);
	CHECK_EQ(pop(), 3);
	CHECK_EQ(pop(), 2);
	CHECK_EQ(pop(), -1);
	virtq_push(&queue, 2, 0);
	virtq_push(&queue, 5, 0);
	virtq_push(&queue, 3, 0);
	CHECK(used(4));
	CHECK(used(2));
	CHECK(used(5));
	CHECK(used(3));
	take_up();
	CHECK_EQ(pop(), -1);
}

TEST(a_second_end_while_resubmitting_loses_nothing)
{
	start();
	for (uint16_t head = 0; head < 4; head++)
		offer(head);
	for (int head = 0; head < 3; head++)
		CHECK_EQ(pop(), head);
	take_up();
	CHECK_EQ(pop(), 0);
	virtq_push(&queue, 0, 0);
	CHECK_EQ(pop(), 1);
	take_up();
	CHECK_EQ(pop(), 1);
	CHECK_EQ(pop(), 2);
	CHECK_EQ(pop(), 3);
	CHECK_EQ(pop(), -1);
}

TEST(kicks_wait_for_what_comes_again)
{
	start();
	offer(1);
	CHECK_EQ(pop(), 1);
	take_up();
	CHECK(virtq_set_kicks(&queue, true));
	CHECK_EQ(pop(), 1);
	CHECK(!virtq_set_kicks(&queue, true));
}

/* The end comes after the used ring has the chain, before the record has lost it. */
TEST(an_end_between_used_ring_and_record_is_settled)
{
	start();
	offer(6);
	offer(7);
	CHECK_EQ(pop(), 6);
	CHECK_EQ(pop(), 7);
	virtq_push(&queue, 7, 0);
	record->entry[7].taken = 1;
	record->used_index = 0;
	take_up();
	CHECK_EQ(record->entry[7].taken, 0);
	CHECK_EQ(pop(), 6);
	CHECK_EQ(pop(), -1);
	/* the same, one store earlier: the used ring does not have it yet */
	start();
	offer(6);
	CHECK_EQ(pop(), 6);
	virtq_inflight_return(record, 6);
	take_up();
	CHECK_EQ(pop(), 6);
}

TEST(indices_wrap_around)
{
	start();
	for (unsigned i = 0; i < 0x10000 + 3; i++) {
		offer(3);
		CHECK_EQ(pop(), 3);
		virtq_push(&queue, 3, 0);
		CHECK(used(3));
	}
	offer(1);
	offer(2);
	CHECK_EQ(pop(), 1);
	take_up();
	CHECK_EQ(pop(), 1);
	CHECK_EQ(pop(), 2);
	CHECK_EQ(pop(), -1);
}

/* The record is what a hostile process left behind. */
TEST(a_lying_record_names_each_head_once)
{
	static const uint64_t counters[] = { 0, 7, UINT64_MAX, UINT64_MAX - 1 };

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		unsigned seen = 0;

		start();
		for (uint16_t head = 0; head < SIZE; head++) {
			const struct driver_buffer buffer = { DATA, 16 };

			driver_ring_chain(&ring, ring.desc, head, &buffer, 0, 1);
			record->entry[head] = (struct virtq_inflight_entry){
				.taken = 0xff, .next = 0xffff, .counter = counters[i]
			};
		}
		record->last_head = SIZE;
		record->used_index = 0xfffa;
		take_up();
		for (int head; (head = pop()) >= 0; seen |= 1U << head)
			CHECK(head < SIZE && (seen & 1U << head) == 0);
	}
}

TEST_MAIN()
