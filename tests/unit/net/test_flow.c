/* The table of flows, the slabs they live in, and the heap of their timers. */
#include "net/flow.h"

#include "net/timer.h"
#include "tests/unit/net/wire.h"
#include "tests/unit/test.h"

enum { FLOWS = 4000, ROUNDS = 200000 };

static struct flow_table table;
static struct timers timers;
static struct net_flow *flows[FLOWS];

static struct endpoint world_of(unsigned i)
{
	struct endpoint world = wire_endpoint("2001:db8::1", (uint16_t)(1 + i % 7));

	world.address.bytes[15] = (uint8_t)(i / 7);
	world.address.bytes[14] = (uint8_t)(i / 7 / 256);
	return world;
}

static struct net_flow *add(unsigned i)
{
	const struct endpoint guest = wire_endpoint(LINK_GUEST6, 5);
	const struct endpoint world = world_of(i);

	return flow_create(&table, &guest, &world);
}

static struct net_flow *find(unsigned i)
{
	const struct endpoint guest = wire_endpoint(LINK_GUEST6, 5);
	const struct endpoint world = world_of(i);

	return flow_find(&table, &guest, &world);
}

static void drop(unsigned i)
{
	flow_unlink(&table, flows[i]);
	flow_free(&table, flows[i]);
	flows[i] = NULL;
}

static unsigned slab_count(void)
{
	unsigned count = 0;

	list_for_each (node, tmp, &table.slabs)
		count++;
	return count;
}

TEST(flows_come_and_go)
{
	const uint8_t seed[16] = { 1 };
	unsigned present = 0;

	srandom(1);
	flow_table_init(&table, seed);
	for (int round = 0; round < ROUNDS; round++) {
		unsigned i = (unsigned)random() % FLOWS;

		CHECK(find(i) == flows[i]);
		if (flows[i] == NULL)
			flows[i] = add(i);
		else
			drop(i);
		present += flows[i] != NULL ? 1U : -1U;
	}
	CHECK(present > FLOWS / 3);
	for (unsigned i = 0; i < FLOWS; i++) {
		CHECK(find(i) == flows[i]);
		if (flows[i] != NULL)
			drop(i);
	}
	/* What they lived in went back, but for one slab. */
	CHECK_EQ(slab_count(), 1);
	flow_table_finish(&table);
	CHECK_EQ(slab_count(), 0);
}

TEST(another_seed_is_another_hash)
{
	const uint8_t one[16] = { 1 }, two[16] = { 2 };
	uint32_t sequence[3];

	for (int i = 0; i < 3; i++) {
		flow_table_init(&table, i == 0 ? one : two);
		flows[0] = add(i == 2 ? 9 : 8);
		sequence[i] = flow_initial_sequence(&table, flows[0], 1000);
		CHECK_EQ(flow_initial_sequence(&table, flows[0], 1001) - sequence[i], 250);
		drop(0);
		flow_table_finish(&table);
	}
	CHECK(sequence[0] != sequence[1] && sequence[1] != sequence[2]);
}

/* Against a plain search for the earliest. */
TEST(timers_fire_in_order)
{
	static struct net_flow some[300];
	uint64_t now = 0;
	unsigned fired = 0;

	srandom(2);
	for (int round = 0; round < 20000; round++) {
		struct net_flow *flow = &some[random() % 300];

		if (random() % 8 == 0)
			timers_remove(&timers, flow);
		else
			timers_set(&timers, flow, now + 1 + (uint64_t)random() % 500);
		if (random() % 4 != 0)
			continue;
		now += (uint64_t)random() % 20;
		while ((flow = timers_pop(&timers, now)) != NULL) {
			CHECK(flow->due_ms <= now && flow->timer_slot == TIMER_NONE);
			fired++;
		}
		for (int i = 0; i < 300; i++)
			CHECK(some[i].timer_slot == TIMER_NONE ||
			      (some[i].due_ms > now && timers_next(&timers) <= some[i].due_ms));
	}
	CHECK(fired > 1000);
	for (int i = 0; i < 300; i++)
		timers_remove(&timers, &some[i]);
	CHECK_EQ(timers_next(&timers), -1);
}

TEST_MAIN()
