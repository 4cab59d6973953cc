/*
 * What is more than one chain (chains.h): heads, indices, storms, resets, and memory that
 * another CPU of the guest changes while the device reads it.
 */
#include "tests/attack/devices/rings.h"

#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "tests/attack/chains.h"
#include "tests/attack/devices/victim.h"
#include "vhost/frontend.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	INDIRECT = VRING_DESC_F_INDIRECT,
	TABLE = VICTIM_SCRATCH + (3 << 19), /* indirect descriptors */
	ROUNDS = 200,
	STORM = 20000,
	RESETS = 30,
};

/* A descriptor of the table at TABLE. */
static void put_indirect(const struct victim *victim, uint16_t index, struct raw_desc desc)
{
	victim_put_at(victim, TABLE, index, desc);
}

static struct raw_desc raw_of(const struct chain_part *part, const uint64_t places[PLACE_COUNT])
{
	return (struct raw_desc){ chain_address(part, places), part->len, part->flags, part->next };
}

void ring_offer_chain(struct victim *victim, unsigned queue, const struct chain *chain)
{
	const struct driver_ring *ring = &victim->ring[queue];
	const uint64_t places[PLACE_COUNT] = {
		[PLACE_SCRATCH] = VICTIM_SCRATCH,
		[PLACE_TABLE] = TABLE,
		[PLACE_LOW_END] = VICTIM_LOW,
		[PLACE_HOLE] = VICTIM_LOW + 4096,
		[PLACE_HIGH_END] = VICTIM_HIGH_AT + VICTIM_HIGH,
		[PLACE_DESC] = ring->desc,
		[PLACE_AVAIL] = ring->avail,
		[PLACE_USED] = ring->used,
	};

	for (uint16_t i = 0; i < CHAIN_PARTS; i++) {
		if (chain_has(&chain->part[i]))
			victim_put(victim, queue, i, raw_of(&chain->part[i], places));
		if (chain_has(&chain->indirect[i]))
			put_indirect(victim, i, raw_of(&chain->indirect[i], places));
	}
	driver_ring_offer(&victim->ring[queue], 0);
	victim_kick(victim, queue);
}

static void head_outside_of_the_table(struct victim *victim, unsigned queue)
{
	driver_ring_offer(&victim->ring[queue], VICTIM_RING + 7);
	driver_ring_offer(&victim->ring[queue], 0xffff);
	victim_kick(victim, queue);
}

static void lengths_add_up_past_32_bits(struct victim *victim, unsigned queue)
{
	struct raw_desc chain[VICTIM_RING];

	for (uint16_t i = 0; i < countof(chain); i++)
		chain[i] = (struct raw_desc){ VICTIM_HIGH_AT, VICTIM_HIGH, NEXT | WRITE,
					      (uint16_t)(i + 1) };
	chain[0].flags = NEXT;
	chain[countof(chain) - 1].flags = WRITE;
	victim_offer(victim, queue, chain, countof(chain));
	victim_kick(victim, queue);
}

static void index_jumps(struct victim *victim, unsigned queue)
{
	driver_ring_set_index(&victim->ring[queue],
			      (uint16_t)(victim->ring[queue].avail_index + VICTIM_RING + 1));
	victim_kick(victim, queue);
}

static void index_goes_back(struct victim *victim, unsigned queue)
{
	driver_ring_set_index(&victim->ring[queue],
			      (uint16_t)(victim->ring[queue].avail_index - 1));
	victim_kick(victim, queue);
}

static void the_same_chain_many_times(struct victim *victim, unsigned queue)
{
	victim_put(victim, queue, 0, (struct raw_desc){ VICTIM_SCRATCH, 64, 0, 0 });
	for (unsigned i = 0; i < VICTIM_RING; i++)
		driver_ring_offer(&victim->ring[queue], 0);
	victim_kick(victim, queue);
}

static void bells_without_anything(struct victim *victim, unsigned queue)
{
	for (unsigned i = 0; i < STORM; i++)
		victim_kick(victim, queue);
}

/* ---- a second CPU */

struct second {
	struct victim *victim;
	unsigned queue;
	atomic_bool done;
	pthread_t thread;
};

static const struct raw_desc faces[] = {
	{ VICTIM_SCRATCH, 64, NEXT, 1 },     { VICTIM_SCRATCH, 4096, NEXT, 1 },
	{ VICTIM_LOW, UINT32_MAX, NEXT, 0 }, { UINT64_MAX - 3, 16, WRITE, 2 },
	{ TABLE, 64, INDIRECT, 0 },	     { TABLE, 0xfffffff0, INDIRECT | NEXT, VICTIM_RING },
	{ VICTIM_HIGH_AT, 16, 0, 0xffff },   { VICTIM_LOW - 1, 2, NEXT | WRITE, 1 },
};

/* Descriptors, indirect ones, and the first bytes of the request itself. */
static void *change(void *argument)
{
	struct second *second = argument;

	for (unsigned i = 0; !second->done; i++) {
		struct raw_desc face = faces[i % countof(faces)];

		victim_put(second->victim, second->queue, (uint16_t)(i / 3 % 2), face);
		put_indirect(second->victim, (uint16_t)(i % 4), face);
		memset(victim_at(second->victim, VICTIM_SCRATCH), (int)(i * 37), 48);
	}
	return NULL;
}

static bool second_start(struct second *second, struct victim *victim, unsigned queue)
{
	second->victim = victim;
	second->queue = queue;
	second->done = false;
	return pthread_create(&second->thread, NULL, change, second) == 0;
}

static void second_stop(struct second *second)
{
	second->done = true;
	(void)pthread_join(second->thread, NULL);
}

static void what_was_read_changes(struct victim *victim, unsigned queue)
{
	struct second second;

	if (!second_start(&second, victim, queue))
		return;
	for (unsigned i = 0; i < ROUNDS; i++) {
		driver_ring_offer(&victim->ring[queue], 0);
		victim_kick(victim, queue);
		if (i % 8 == 7 && !victim_reset(victim))
			break;
	}
	second_stop(&second);
}

static void resets_in_mid_flight(struct victim *victim, unsigned queue)
{
	for (unsigned i = 0; i < RESETS; i++) {
		victim_put(victim, queue, 0, (struct raw_desc){ VICTIM_SCRATCH, 512, NEXT, 1 });
		victim_put(victim, queue, 1,
			   (struct raw_desc){ VICTIM_HIGH_AT, VICTIM_HIGH, WRITE, 0 });
		for (unsigned j = 0; j < VICTIM_RING; j++)
			driver_ring_offer(&victim->ring[queue], 0);
		victim_kick(victim, queue);
		if (!victim_stop_queue(victim, queue) || !victim_start_queue(victim, queue))
			return;
	}
}

/* Memory that a request under way uses is taken away, and given back. */
static void memory_goes_in_mid_flight(struct victim *victim, unsigned queue)
{
	for (unsigned i = 0; i < RESETS; i++) {
		victim_put(victim, queue, 0, (struct raw_desc){ VICTIM_HIGH_AT, 512, NEXT, 1 });
		victim_put(victim, queue, 1,
			   (struct raw_desc){ VICTIM_HIGH_AT + 512, 65536, WRITE, 0 });
		driver_ring_offer(&victim->ring[queue], 0);
		victim_kick(victim, queue);
		if (!victim_set_memory(victim, 1) || !victim_set_memory(victim, 3))
			return;
	}
}

static void start_at(struct victim *victim, unsigned queue, uint64_t desc, uint64_t avail,
		     uint64_t used)
{
	if (!victim_stop_queue(victim, queue))
		return;
	(void)vhost_frontend_start_queue(
		victim->frontend, queue,
		&(struct vhost_frontend_queue){ .size = VICTIM_RING,
						.desc = desc,
						.avail = avail,
						.used = used,
						.kick = victim->kick[queue],
						.call = victim->call[queue] },
		&victim->err);
	driver_ring_offer(&victim->ring[queue], 0);
	victim_kick(victim, queue);
}

static void rings_over_each_other(struct victim *victim, unsigned queue)
{
	const struct driver_ring *ring = &victim->ring[queue];

	victim_put(victim, queue, 0, (struct raw_desc){ ring->desc, 512, WRITE, 0 });
	start_at(victim, queue, ring->desc, ring->desc, ring->desc);
}

static void rings_outside(struct victim *victim, unsigned queue)
{
	start_at(victim, queue, VICTIM_LOW - 16, VICTIM_LOW - 8, VICTIM_HIGH_AT + VICTIM_HIGH - 4);
}

const struct ring_attack ring_attacks[] = {
	{ "V01", "a head outside of the table", head_outside_of_the_table },
	{ "V01", "lengths that add up to 64 MiB", lengths_add_up_past_32_bits },
	{ "V01", "one chain 64 times", the_same_chain_many_times },
	{ "V02", "the index jumps beyond the ring", index_jumps },
	{ "V02", "the index goes back", index_goes_back },
	{ "V03", "resets in mid-flight", resets_in_mid_flight },
	{ "V03", "memory that goes in mid-flight", memory_goes_in_mid_flight },
	{ "V03", "rings over each other", rings_over_each_other },
	{ "V03", "rings outside of memory", rings_outside },
	{ "V05", "a second CPU changes what was read", what_was_read_changes },
	{ "V07", "20000 bells without anything", bells_without_anything },
};

const size_t ring_attacks_count = countof(ring_attacks);
