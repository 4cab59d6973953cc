/* Two processors at once: what one has the device read, the other changes. */
#include "tests/attack/machine/guest/attack.h"
#include "tests/attack/machine/guest/board.h"
#include "tests/attack/machine/guest/driver.h"

#define countof(array) (sizeof(array) / sizeof((array)[0]))

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	INDIRECT = VRING_DESC_F_INDIRECT,
	ROUNDS = 128,
	RESTART_EACH = 8,
};

struct aim {
	struct driver *driver;
	unsigned queue;
};

static const struct raw faces[] = {
	{ DRIVER_SCRATCH, 64, NEXT, 1 },
	{ DRIVER_SCRATCH, 4096, WRITE, 1 },
	{ BOARD_RAM_END, UINT32_MAX, NEXT, 0 },
	{ UINT64_MAX - 3, 16, WRITE, 2 },
	{ DRIVER_TABLE, 64, INDIRECT, 0 },
	{ DRIVER_TABLE, 0xfffffff0, INDIRECT | NEXT, DRIVER_ENTRIES },
	{ BOARD_RAM_ABOVE, 16, 0, 0xffff },
	{ BOARD_RAM_END - 1, 2, NEXT | WRITE, 1 },
};

/* Descriptors, indirect ones, and the first bytes of the request itself; never a whole one. */
static void change(void *ctx)
{
	const struct aim *aim = ctx;
	static unsigned turn;

	for (unsigned i = 0; i < 16; i++, turn++) {
		driver_put(aim->driver, aim->queue, (uint16_t)(turn / 3 % 2),
			   faces[turn % countof(faces)]);
		table_put((uint16_t)(turn % 4), faces[turn % countof(faces)]);
		write32(DRIVER_SCRATCH + turn % 12 * 4, 0xc0000 + random_next());
	}
}

static void what_was_read_changes(struct driver *driver, unsigned queue)
{
	struct aim aim = { driver, queue };

	second_start(change, &aim);
	for (unsigned i = 0; i < ROUNDS; i++) {
		driver_offer(driver, queue, 0);
		driver_kick(driver, queue);
		if (i % RESTART_EACH == RESTART_EACH - 1 || driver_is_refused(driver))
			(void)driver_restart(driver);
	}
	second_stop();
}

static void jump(void *ctx)
{
	const struct aim *aim = ctx;

	for (unsigned i = 0; i < 16; i++)
		driver_set_index(aim->driver, aim->queue, (uint16_t)random_next());
}

static void the_index_never_stands_still(struct driver *driver, unsigned queue)
{
	struct aim aim = { driver, queue };

	second_start(jump, &aim);
	for (unsigned i = 0; i < ROUNDS; i++) {
		driver_kick(driver, queue);
		if (driver_is_refused(driver))
			(void)driver_restart(driver);
	}
	second_stop();
}

static void reset_again(void *ctx)
{
	const struct aim *aim = ctx;

	driver_reset(aim->driver);
}

static void one_resets_what_the_other_starts(struct driver *driver, unsigned queue)
{
	struct aim aim = { driver, queue };

	second_start(reset_again, &aim);
	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		(void)driver_restart(driver);
		driver_offer(driver, queue, 0);
		driver_kick(driver, queue);
	}
	second_stop();
}

/* Registers that describe a queue, while the other makes it ready. */
static void move_queue(void *ctx)
{
	const struct aim *aim = ctx;

	driver_write(aim->driver, VIRTIO_MMIO_QUEUE_SEL, random_next() % 4);
	driver_write(aim->driver, VIRTIO_MMIO_QUEUE_NUM, 1U << random_next() % 12);
	driver_write(aim->driver, VIRTIO_MMIO_QUEUE_DESC_LOW, random_next() << 4);
	driver_write(aim->driver, VIRTIO_MMIO_QUEUE_USED_HIGH, random_next() % 2);
	driver_write(aim->driver, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void one_moves_what_the_other_starts(struct driver *driver, unsigned queue)
{
	struct aim aim = { driver, queue };

	second_start(move_queue, &aim);
	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		(void)driver_restart(driver);
		driver_kick(driver, queue);
	}
	second_stop();
}

static void write_config(void *ctx)
{
	const struct aim *aim = ctx;

	write32(aim->driver->base + VIRTIO_MMIO_CONFIG + 4, random_next() % 256);
	(void)read32(aim->driver->base + VIRTIO_MMIO_CONFIG_GENERATION);
}

static void configuration_races(struct driver *driver, unsigned queue)
{
	struct aim aim = { driver, queue };

	second_start(write_config, &aim);
	for (unsigned i = 0; i < ROUNDS; i++) {
		write32(driver->base + VIRTIO_MMIO_CONFIG + 4, i % 256);
		(void)read_wide(driver->base + VIRTIO_MMIO_CONFIG, 8);
		if (i % (RESTART_EACH * 4) == 0)
			(void)driver_restart(driver);
	}
	second_stop();
}

const struct attack crowd_attacks[] = {
	{ "V05", "a second processor changes what was read", what_was_read_changes, UNTOLD },
	{ "V05", "the index never stands still", the_index_never_stands_still, UNTOLD },
	{ "V03", "one resets what the other starts", one_resets_what_the_other_starts, UNTOLD },
	{ "V03", "one moves what the other starts", one_moves_what_the_other_starts, UNTOLD },
	{ "V06", "two write the configuration", configuration_races, UNTOLD },
};

const size_t crowd_attacks_count = countof(crowd_attacks);
