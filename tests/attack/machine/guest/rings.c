/* What a driver may write into any queue of any device: chains.h, and more than one chain. */
#include "tests/attack/chains.h"
#include "tests/attack/machine/guest/attack.h"
#include "tests/attack/machine/guest/board.h"
#include "tests/attack/machine/guest/driver.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	INDIRECT = VRING_DESC_F_INDIRECT,
	BELLS = 5000,
	CHAINS = 2000,
	FOLLOW_LOOKS = 5000,
};

#define countof(array) (sizeof(array) / sizeof((array)[0]))
#define SCRATCH ((uint64_t)DRIVER_SCRATCH)
#define TABLE ((uint64_t)DRIVER_TABLE)

static void offer_chain(struct driver *driver, unsigned queue, const struct raw *chain,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		driver_put(driver, queue, (uint16_t)i, chain[i]);
	driver_offer(driver, queue, 0);
	driver_kick(driver, queue);
}

#define CHAIN(...)                                                   \
	do {                                                         \
		const struct raw chain_[] = { __VA_ARGS__ };         \
		offer_chain(driver, queue, chain_, countof(chain_)); \
	} while (0)

static struct raw raw_of(const struct chain_part *part, const uint64_t places[PLACE_COUNT])
{
	return (struct raw){ chain_address(part, places), part->len, part->flags, part->next };
}

void ring_offer_chain(struct driver *driver, unsigned queue, const struct chain *chain)
{
	const struct ring *ring = &driver->ring[queue];
	const uint64_t places[PLACE_COUNT] = {
		[PLACE_SCRATCH] = SCRATCH,
		[PLACE_TABLE] = TABLE,
		[PLACE_LOW_END] = BOARD_RAM_END,
		[PLACE_HOLE] = BOARD_HOLE,
		[PLACE_HIGH_END] = BOARD_RAM_ABOVE + BOARD_RAM_ABOVE_SIZE,
		[PLACE_DESC] = ring->desc,
		[PLACE_AVAIL] = ring->avail,
		[PLACE_USED] = ring->used,
	};

	for (uint16_t i = 0; i < CHAIN_PARTS; i++) {
		if (chain_has(&chain->part[i]))
			driver_put(driver, queue, i, raw_of(&chain->part[i], places));
		if (chain_has(&chain->indirect[i]))
			table_put(i, raw_of(&chain->indirect[i], places));
	}
	driver_offer(driver, queue, 0);
	driver_kick(driver, queue);
}

static void head_outside_of_the_table(struct driver *driver, unsigned queue)
{
	driver_offer(driver, queue, 0xffff);
	driver_kick(driver, queue);
}

/* All entries, each but the last naming the next: as long as a chain may be. */
static void the_longest_chain(struct driver *driver, unsigned queue)
{
	for (uint16_t i = 0; i < DRIVER_ENTRIES; i++)
		driver_put(driver, queue, i,
			   (struct raw){ SCRATCH, 1 << 20,
					 i + 1 < DRIVER_ENTRIES ? WRITE | NEXT : WRITE,
					 (uint16_t)(i + 1) });
	driver_offer(driver, queue, 0);
	driver_kick(driver, queue);
}

static void registers_as_buffer(struct driver *driver, unsigned queue)
{
	CHAIN({ driver->base, 256, WRITE, 0 });
}

static void interrupt_controllers_as_buffer(struct driver *driver, unsigned queue)
{
	CHAIN({ BOARD_IOAPIC, 64, NEXT, 1 }, { BOARD_LAPIC, 4096, WRITE, 0 });
}

static void index_jumps(struct driver *driver, unsigned queue)
{
	driver_set_index(driver, queue,
			 (uint16_t)(driver->ring[queue].offered + DRIVER_ENTRIES + 1));
	driver_kick(driver, queue);
}

static void index_goes_back(struct driver *driver, unsigned queue)
{
	driver_set_index(driver, queue, (uint16_t)(driver->ring[queue].offered - 1));
	driver_kick(driver, queue);
}

static void the_same_chain_many_times(struct driver *driver, unsigned queue)
{
	driver_put(driver, queue, 0, (struct raw){ SCRATCH, 64, WRITE, 0 });
	for (unsigned i = 0; i < DRIVER_ENTRIES; i++)
		driver_offer(driver, queue, 0);
	driver_kick(driver, queue);
}

static void bells_without_anything(struct driver *driver, unsigned queue)
{
	for (unsigned i = 0; i < BELLS; i++)
		driver_kick(driver, queue);
}

/* Whether the device made room for one more; not when it has given the queue up. */
static bool follows(const struct driver *driver, unsigned queue)
{
	const struct ring *ring = &driver->ring[queue];

	for (unsigned looks = 0; looks < FOLLOW_LOOKS && !driver_is_refused(driver); looks++)
		if ((uint16_t)(ring->offered - read16(ring->used + 2)) < DRIVER_ENTRIES)
			return true;
	return false;
}

/* The index runs as fast as the device follows: what it serves in one go has an end. */
static void chains_without_end(struct driver *driver, unsigned queue)
{
	driver_put(driver, queue, 0, (struct raw){ SCRATCH, 16, WRITE, 0 });
	for (unsigned i = 0; i < CHAINS && follows(driver, queue); i++) {
		driver_offer(driver, queue, 0);
		if (i % DRIVER_ENTRIES == 0)
			driver_kick(driver, queue);
	}
}

static void indirect_in_registers(struct driver *driver, unsigned queue)
{
	CHAIN({ driver->base, 256, INDIRECT, 0 });
}

/* Page numbers of everything that is no memory, for the balloon; a strange request for others. */
static void pages_that_are_no_memory(struct driver *driver, unsigned queue)
{
	static const uint32_t pages[] = { (uint32_t)BOARD_RAM_END >> 12,
					  0xd0000,
					  0xfec00,
					  0xfee00,
					  0xfffff,
					  UINT32_MAX,
					  UINT32_MAX - 1,
					  0x104000 };

	for (size_t i = 0; i < countof(pages); i++)
		write32(SCRATCH + 4 * i, pages[i]);
	CHAIN({ SCRATCH, sizeof(pages), 0, 0 });
}

/* The ring's own pages go while it is looked at; the driver that owns them starts anew. */
static void pages_of_the_ring(struct driver *driver, unsigned queue)
{
	for (uint32_t i = 0; i < 3; i++)
		write32(SCRATCH + 4 * i, (uint32_t)(driver->ring[queue].desc >> 12) + i);
	CHAIN({ SCRATCH, 12, 0, 0 });
}

const struct attack ring_attacks[] = {
	{ "V01", "a head outside of the table", head_outside_of_the_table, TOLD },
	{ "V01", "the longest chain, 64 MiB", the_longest_chain, UNTOLD },
	{ "V01", "the device's registers as buffer", registers_as_buffer, TOLD },
	{ "V01", "interrupt controllers as buffer", interrupt_controllers_as_buffer, TOLD },
	{ "V01", "one chain 64 times", the_same_chain_many_times, UNTOLD },
	{ "V01", "the registers as indirect table", indirect_in_registers, TOLD },
	{ "V02", "the index jumps beyond the ring", index_jumps, TOLD },
	{ "V02", "the index goes back", index_goes_back, TOLD },
	{ "V07", "5000 bells without anything", bells_without_anything, UNTOLD },
	{ "V07", "2000 chains without a pause", chains_without_end, UNTOLD },
	{ "V12", "pages that are no memory", pages_that_are_no_memory, UNTOLD },
	{ "V12", "the pages of the ring itself", pages_of_the_ring, UNTOLD },
};

const size_t ring_attacks_count = countof(ring_attacks);
