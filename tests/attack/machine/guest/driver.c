#include "tests/attack/machine/guest/driver.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "tests/attack/machine/guest/board.h"

#define MMIO 0xd0000000ull

enum {
	STRIDE = 0x1000,
	MAGIC = 0x74726976,
	STATUS_HELLO = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
};

static const struct kind {
	unsigned id;
	const char *name;
	unsigned queues;
	bool local;
} kinds[] = {
	{ VIRTIO_ID_BLOCK, "disk", 1, false },	  { VIRTIO_ID_FS, "folders", 2, false },
	{ VIRTIO_ID_VSOCK, "channel", 3, false }, { VIRTIO_ID_NET, "network", 2, false },
	{ VIRTIO_ID_RNG, "entropy", 1, true },	  { VIRTIO_ID_BALLOON, "balloon", 3, true },
};

bool driver_find(unsigned slot, struct driver *ret)
{
	const uint64_t base = MMIO + (uint64_t)slot * STRIDE;
	uint32_t id = read32(base + VIRTIO_MMIO_DEVICE_ID);

	if (read32(base + VIRTIO_MMIO_MAGIC_VALUE) != MAGIC)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].id == id)
			*ret = (struct driver){ .base = base,
						.slot = slot,
						.id = id,
						.name = kinds[i].name,
						.queues = kinds[i].queues,
						.local = kinds[i].local };
	return true;
}

uint32_t driver_read(const struct driver *driver, unsigned reg)
{
	return read32(driver->base + reg);
}

void driver_write(const struct driver *driver, unsigned reg, uint32_t value)
{
	write32(driver->base + reg, value);
}

static void add_status(const struct driver *driver, uint32_t bits)
{
	driver_write(driver, VIRTIO_MMIO_STATUS, driver_read(driver, VIRTIO_MMIO_STATUS) | bits);
}

void driver_reset(const struct driver *driver)
{
	driver_write(driver, VIRTIO_MMIO_STATUS, 0);
}

void driver_hello(const struct driver *driver)
{
	uint32_t low;

	add_status(driver, STATUS_HELLO);
	driver_write(driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	low = driver_read(driver, VIRTIO_MMIO_DEVICE_FEATURES) & 1U << VIRTIO_RING_F_INDIRECT_DESC;
	driver_write(driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	driver_write(driver, VIRTIO_MMIO_DRIVER_FEATURES, low);
	driver_write(driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	driver_write(driver, VIRTIO_MMIO_DRIVER_FEATURES, 1U << (VIRTIO_F_VERSION_1 - 32));
	add_status(driver, VIRTIO_CONFIG_S_FEATURES_OK);
}

void driver_place_queue(const struct driver *driver, unsigned queue, uint32_t size, uint64_t desc,
			uint64_t avail, uint64_t used)
{
	driver_write(driver, VIRTIO_MMIO_QUEUE_SEL, queue);
	driver_write(driver, VIRTIO_MMIO_QUEUE_NUM, size);
	driver_write(driver, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)desc);
	driver_write(driver, VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(desc >> 32));
	driver_write(driver, VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)avail);
	driver_write(driver, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, (uint32_t)(avail >> 32));
	driver_write(driver, VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)used);
	driver_write(driver, VIRTIO_MMIO_QUEUE_USED_HIGH, (uint32_t)(used >> 32));
	driver_write(driver, VIRTIO_MMIO_QUEUE_READY, 1);
}

void driver_add_queue(struct driver *driver, unsigned queue)
{
	const uint64_t desc = DRIVER_RINGS + (uint64_t)driver->slot * DRIVER_DEVICE_SPACE +
			      (uint64_t)queue * DRIVER_RING_SPACE;
	struct ring *ring = &driver->ring[queue];

	*ring = (struct ring){ .desc = desc, .avail = desc + 0x1000, .used = desc + 0x2000 };
	clear(desc, 0x3000);
	driver_place_queue(driver, queue, DRIVER_ENTRIES, ring->desc, ring->avail, ring->used);
}

void driver_go(const struct driver *driver)
{
	add_status(driver, VIRTIO_CONFIG_S_DRIVER_OK);
}

bool driver_restart(struct driver *driver)
{
	driver_reset(driver);
	driver_hello(driver);
	for (unsigned i = 0; i < driver->queues; i++)
		driver_add_queue(driver, i);
	driver_go(driver);
	return !driver_is_refused(driver) &&
	       (driver_read(driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_DRIVER_OK) != 0;
}

void driver_kick(const struct driver *driver, unsigned queue)
{
	driver_write(driver, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

bool driver_is_refused(const struct driver *driver)
{
	return (driver_read(driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET) != 0;
}

static void put_at(uint64_t table, uint16_t index, struct raw raw)
{
	const uint64_t entry = table + index * sizeof(struct vring_desc);

	write_wide(entry, 8, raw.address);
	write32(entry + 8, raw.len);
	write16(entry + 12, raw.flags);
	write16(entry + 14, raw.next);
}

void driver_put(const struct driver *driver, unsigned queue, uint16_t index, struct raw raw)
{
	put_at(driver->ring[queue].desc, index, raw);
}

void table_put(uint16_t index, struct raw raw)
{
	put_at(DRIVER_TABLE, index, raw);
}

/* Stores of one processor are seen in their order on this architecture. */
void driver_offer(struct driver *driver, unsigned queue, uint16_t head)
{
	struct ring *ring = &driver->ring[queue];

	write16(ring->avail + 4 + 2 * (ring->offered % DRIVER_ENTRIES), head);
	ring->offered++;
	write16(ring->avail + 2, ring->offered);
}

void driver_set_index(const struct driver *driver, unsigned queue, uint16_t index)
{
	write16(driver->ring[queue].avail + 2, index);
}

bool driver_take(struct driver *driver, unsigned queue, uint32_t *ret_written)
{
	struct ring *ring = &driver->ring[queue];
	const uint64_t entry = ring->used + 4 + 8ull * (ring->taken % DRIVER_ENTRIES);

	if (read16(ring->used + 2) == ring->taken)
		return false;
	*ret_written = read32(entry + 4);
	ring->taken++;
	return true;
}
