#include "net/flow.h"

#include <sys/mman.h>

#include "base/bytes.h"
#include "net/siphash.h"

enum {
	SLAB_SIZE = 32 * 1024,
	KEY_SIZE = 2 + 2 + 16 + 1,
	HASH_TABLE = 1,
	HASH_SEQUENCE = 2,
};

/* Some flows; those not in use are a chain by `next`. */
struct flow_slab {
	struct list node; /* in flow_table.slabs while a flow is free */
	struct net_flow *free;
	unsigned used;
	struct net_flow flows[];
};

enum { SLAB_FLOWS = (SLAB_SIZE - sizeof(struct flow_slab)) / sizeof(struct net_flow) };

static uint64_t hash(const struct flow_table *table, const struct endpoint *guest,
		     const struct endpoint *world, uint8_t purpose)
{
	uint8_t key[KEY_SIZE];

	/* The guest has hardly more than one address of each family: its port says enough. */
	be16_store(key, guest->port);
	be16_store(key + 2, world->port);
	memcpy(key + 4, world->address.bytes, 16);
	key[20] = (uint8_t)(purpose << 4 | world->address.family);
	return siphash(table->seed, key, sizeof(key));
}

static struct net_flow **bucket_of(struct flow_table *table, const struct endpoint *guest,
				   const struct endpoint *world)
{
	return &table->bucket[hash(table, guest, world, HASH_TABLE) % FLOW_BUCKETS];
}

void flow_table_init(struct flow_table *table, const uint8_t seed[16])
{
	memset(table->bucket, 0, sizeof(table->bucket));
	memcpy(table->seed, seed, sizeof(table->seed));
	list_init(&table->slabs);
}

/* Every flow was freed, so every slab that is left is empty and in the list. */
void flow_table_finish(struct flow_table *table)
{
	list_for_each (node, tmp, &table->slabs)
		(void)munmap(container_of(node, struct flow_slab, node), SLAB_SIZE);
	list_init(&table->slabs);
}

struct net_flow *flow_find(const struct flow_table *table, const struct endpoint *guest,
			   const struct endpoint *world)
{
	uint64_t at = hash(table, guest, world, HASH_TABLE) % FLOW_BUCKETS;

	for (struct net_flow *flow = table->bucket[at]; flow != NULL; flow = flow->next) {
		if (flow->guest.port == guest->port && flow->world.port == world->port &&
		    address_equal(&flow->world.address, &world->address) &&
		    address_equal(&flow->guest.address, &guest->address))
			return flow;
	}
	return NULL;
}

static struct flow_slab *slab_create(void)
{
	struct flow_slab *slab =
		mmap(NULL, SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (slab == MAP_FAILED)
		return NULL;
	for (unsigned i = SLAB_FLOWS; i-- > 0;) {
		slab->flows[i].pool_slot = (uint16_t)i;
		slab->flows[i].next = slab->free;
		slab->free = &slab->flows[i];
	}
	return slab;
}

static struct flow_slab *slab_of(struct net_flow *flow)
{
	struct net_flow *first = flow - flow->pool_slot;

	return (struct flow_slab *)((char *)first - offsetof(struct flow_slab, flows));
}

static struct flow_slab *slab_with_room(struct flow_table *table)
{
	struct flow_slab *slab;

	if (!list_is_empty(&table->slabs))
		return container_of(table->slabs.next, struct flow_slab, node);
	slab = slab_create();
	if (slab != NULL)
		list_append(&table->slabs, &slab->node);
	return slab;
}

struct net_flow *flow_create(struct flow_table *table, const struct endpoint *guest,
			     const struct endpoint *world)
{
	struct flow_slab *slab = slab_with_room(table);
	struct net_flow *flow, **bucket = bucket_of(table, guest, world);
	uint16_t slot;

	if (slab == NULL)
		return NULL;
	flow = slab->free;
	slab->free = flow->next;
	slab->used++;
	if (slab->free == NULL)
		list_remove(&slab->node);
	slot = flow->pool_slot;
	*flow = (struct net_flow){
		.guest = *guest, .world = *world, .next = *bucket, .pool_slot = slot
	};
	list_init(&flow->turn_node);
	*bucket = flow;
	return flow;
}

void flow_unlink(struct flow_table *table, struct net_flow *flow)
{
	struct net_flow **place = bucket_of(table, &flow->guest, &flow->world);

	while (*place != flow)
		place = &(*place)->next;
	*place = flow->next;
}

void flow_free(struct flow_table *table, struct net_flow *flow)
{
	struct flow_slab *slab = slab_of(flow);

	if (slab->free == NULL)
		list_append(&table->slabs, &slab->node);
	flow->next = slab->free;
	slab->free = flow;
	slab->used--;
	/* One empty slab is kept: a single connection that comes and goes costs no mmap(). */
	if (slab->used == 0 && table->slabs.next != table->slabs.prev) {
		list_remove(&slab->node);
		(void)munmap(slab, SLAB_SIZE);
	}
}

uint32_t flow_initial_sequence(const struct flow_table *table, const struct net_flow *flow,
			       uint64_t now_ms)
{
	/* A clock that steps each 4 µs, so that a former connection's numbers lie behind. */
	return (uint32_t)(hash(table, &flow->guest, &flow->world, HASH_SEQUENCE) + now_ms * 250);
}
