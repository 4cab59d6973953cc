/* What a driver may do to the registers of any device. */
#include <linux/virtio_config.h>

#include "tests/attack/machine/guest/attack.h"
#include "tests/attack/machine/guest/board.h"
#include "tests/attack/machine/guest/driver.h"

#define countof(array) (sizeof(array) / sizeof((array)[0]))

enum {
	RANDOM_ACCESSES = 2000,
	PAGE = 0x1000,
	RESETS = 100,
	BELLS = 2000,
};

static const unsigned widths[] = { 1, 2, 4, 8 };

/* A queue with one thing wrong; then all that would make use of it. */
static void try_queue(struct driver *driver, unsigned queue, uint32_t size, uint64_t desc,
		      uint64_t avail, uint64_t used)
{
	driver_reset(driver);
	driver_hello(driver);
	driver_place_queue(driver, queue, size, desc, avail, used);
	driver_go(driver);
	driver_kick(driver, queue);
	(void)driver_read(driver, VIRTIO_MMIO_STATUS);
}

static void sizes_of_queues(struct driver *driver, unsigned queue)
{
	static const uint32_t sizes[] = {
		0, 3, 63, 65, 1023, 2048, 32768, 65536, 65600, UINT32_MAX
	};
	const struct ring *ring = &driver->ring[queue];

	for (size_t i = 0; i < countof(sizes); i++)
		try_queue(driver, queue, sizes[i], ring->desc, ring->avail, ring->used);
}

/* Each part in turn at each place where no ring can be. */
static void places_of_rings(struct driver *driver, unsigned queue)
{
	const uint64_t places[] = { BOARD_RAM_END,
				    BOARD_RAM_END - 16,
				    BOARD_HOLE,
				    driver->base,
				    BOARD_IOAPIC,
				    BOARD_LAPIC,
				    BOARD_RAM_ABOVE + BOARD_RAM_ABOVE_SIZE,
				    BOARD_RAM_ABOVE + BOARD_RAM_ABOVE_SIZE - 16,
				    UINT64_MAX - 15,
				    UINT64_MAX,
				    DRIVER_SCRATCH + 1 };
	const struct ring *ring = &driver->ring[queue];

	for (size_t i = 0; i < countof(places); i++) {
		try_queue(driver, queue, DRIVER_ENTRIES, places[i], ring->avail, ring->used);
		try_queue(driver, queue, DRIVER_ENTRIES, ring->desc, places[i], ring->used);
		try_queue(driver, queue, DRIVER_ENTRIES, ring->desc, ring->avail, places[i]);
	}
}

/* They lie in memory, on each other, over the tables of the processor, and are served. */
static void rings_over_each_other(struct driver *driver, unsigned queue)
{
	const struct ring *ring = &driver->ring[queue];

	for (uint64_t i = 0; i < 1024; i += 4)
		write32(ring->desc + i, random_next());
	try_queue(driver, queue, DRIVER_ENTRIES, ring->desc, ring->desc, ring->desc);
	let_it_see(driver, queue);
}

static void queues_that_are_not_there(struct driver *driver, unsigned queue)
{
	static const uint32_t numbers[] = { 3, 7, 8, 9, 255, 65536, 0x80000000, UINT32_MAX };

	(void)queue;
	for (size_t i = 0; i < countof(numbers); i++) {
		driver_kick(driver, numbers[i]);
		driver_write(driver, VIRTIO_MMIO_QUEUE_SEL, numbers[i]);
		driver_write(driver, VIRTIO_MMIO_QUEUE_NUM, DRIVER_ENTRIES);
		driver_write(driver, VIRTIO_MMIO_QUEUE_READY, 1);
		(void)driver_read(driver, VIRTIO_MMIO_QUEUE_NUM_MAX);
		(void)driver_read(driver, VIRTIO_MMIO_QUEUE_READY);
	}
}

static void started_without_queues(struct driver *driver, unsigned queue)
{
	driver_reset(driver);
	driver_hello(driver);
	driver_go(driver);
	driver_kick(driver, queue);
}

static void started_without_a_hello(struct driver *driver, unsigned queue)
{
	driver_reset(driver);
	driver_add_queue(driver, queue);
	driver_go(driver);
	driver_kick(driver, queue);
}

static void features_that_nobody_offers(struct driver *driver, unsigned queue)
{
	driver_reset(driver);
	for (uint32_t select = 0; select < 4; select++) {
		driver_write(driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, select);
		driver_write(driver, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	}
	driver_write(driver, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_FEATURES_OK);
	driver_add_queue(driver, queue);
	driver_go(driver);
	driver_kick(driver, queue);
}

static void a_queue_that_moves_while_it_is_served(struct driver *driver, unsigned queue)
{
	driver_offer(driver, queue, 0);
	driver_kick(driver, queue);
	driver_place_queue(driver, queue, 1, BOARD_HOLE, BOARD_HOLE, BOARD_HOLE);
	driver_write(driver, VIRTIO_MMIO_QUEUE_READY, 0);
	driver_kick(driver, queue);
}

static void status_of_all_values(struct driver *driver, unsigned queue)
{
	for (uint32_t value = 0; value < 512; value++) {
		driver_write(driver, VIRTIO_MMIO_STATUS, value * 0x01010101);
		driver_kick(driver, queue);
	}
}

static void resets_in_mid_flight(struct driver *driver, unsigned queue)
{
	for (unsigned i = 0; i < RESETS && driver_restart(driver); i++) {
		driver_put(driver, queue, 0,
			   (struct raw){ DRIVER_SCRATCH, 512, VRING_DESC_F_NEXT, 1 });
		driver_put(driver, queue, 1,
			   (struct raw){ DRIVER_SCRATCH, 4 << 20, VRING_DESC_F_WRITE, 0 });
		for (unsigned j = 0; j < DRIVER_ENTRIES; j++)
			driver_offer(driver, queue, 0);
		driver_kick(driver, queue);
	}
}

static void bells_before_anything_is_set_up(struct driver *driver, unsigned queue)
{
	driver_reset(driver);
	for (unsigned i = 0; i < BELLS; i++)
		driver_kick(driver, queue + i % 4);
}

/* Also unaligned ones, which the hypervisor cuts up, and ones across the page's end. */
static void every_offset_in_every_width(struct driver *driver, unsigned queue)
{
	(void)queue;
	for (size_t i = 0; i < countof(widths); i++) {
		for (uint64_t offset = 0; offset < 0x220; offset++) {
			(void)read_wide(driver->base + offset, widths[i]);
			if (offset / 4 != VIRTIO_MMIO_QUEUE_NOTIFY / 4)
				write_wide(driver->base + offset, widths[i], ~0ull);
		}
		(void)read_wide(driver->base + PAGE - 1, widths[i]);
		write_wide(driver->base + PAGE - 1, widths[i], 0);
	}
}

static void configuration_beyond_its_end(struct driver *driver, unsigned queue)
{
	static const uint64_t offsets[] = { 0, 3, 4, 7, 8, 36, 44, 59, 60, 255, 256, 0xeff, 0xe00 };

	(void)queue;
	for (size_t i = 0; i < countof(offsets); i++)
		for (size_t j = 0; j < countof(widths); j++) {
			const uint64_t place = driver->base + VIRTIO_MMIO_CONFIG + offsets[i];

			write_wide(place, widths[j], 0x8182838485868788);
			(void)read_wide(place, widths[j]);
		}
}

/* The same sequence in each run. Rings stay where they are: what is random is when and how. */
static void random_accesses(struct driver *driver, unsigned queue)
{
	(void)queue;
	for (unsigned i = 0; i < RANDOM_ACCESSES; i++) {
		const uint64_t place = driver->base + random_next() % 0x120;
		const unsigned width = widths[random_next() % countof(widths)];

		if (random_next() % 2 == 0)
			(void)read_wide(place, width);
		else
			write_wide(place, width, random_next() % 3 == 0 ? random_next() : i % 16);
	}
}

const struct attack register_attacks[] = {
	{ "V01", "queues of sizes that are none", sizes_of_queues, UNTOLD },
	{ "V01", "rings where no memory is", places_of_rings, UNTOLD },
	{ "V01", "rings over each other", rings_over_each_other, UNTOLD },
	{ "V03", "a queue that moves while it is served", a_queue_that_moves_while_it_is_served,
	  UNTOLD },
	{ "V03", "100 resets in mid-flight", resets_in_mid_flight, UNTOLD },
	{ "V06", "queues that are not there", queues_that_are_not_there, UNTOLD },
	{ "V06", "started without queues", started_without_queues, UNTOLD },
	{ "V06", "started without a hello", started_without_a_hello, TOLD },
	{ "V06", "features that nobody offers", features_that_nobody_offers, TOLD },
	{ "V06", "a status of all values", status_of_all_values, UNTOLD },
	{ "V06", "every offset in every width", every_offset_in_every_width, UNTOLD },
	{ "V06", "configuration beyond its end", configuration_beyond_its_end, UNTOLD },
	{ "V06", "2000 random accesses", random_accesses, UNTOLD },
	{ "V07", "bells before anything is set up", bells_before_anything_is_set_up, UNTOLD },
};

const size_t register_attacks_count = countof(register_attacks);
