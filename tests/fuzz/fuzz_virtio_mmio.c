/*
 * A driver that does anything to the registers. Whatever it does, a queue that
 * is ready lies in guest memory, nothing was accepted that was not offered, and
 * the device is told of a start and a stop by turns.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "tests/fuzz/fuzz.h"
#include "virtio/mmio.h"
#include "vm/guestmem.h"

enum { RAM = 0x8000, ACCESS_BYTES = 12, QUEUES = 3 };

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_queues(const struct virtio_mmio *mmio)
{
	for (unsigned i = 0; i < VIRTIO_MMIO_QUEUES_MAX; i++) {
		const struct virtio_mmio_queue *queue = &mmio->queue[i];

		if (!queue->ready)
			continue;
		REQUIRE(i < QUEUES && queue->size > 0 && queue->size <= 256);
		REQUIRE(range_within(queue->desc, 16ull * queue->size, RAM));
		REQUIRE(range_within(queue->avail, 2ull * queue->size + 6, RAM));
		REQUIRE(range_within(queue->used, 8ull * queue->size + 6, RAM));
	}
}

static void act(struct virtio_mmio *mmio, struct virtio_mmio_event event, bool *running)
{
	switch (event.kind) {
	case VIRTIO_MMIO_NOTHING:
	case VIRTIO_MMIO_CONFIG:
		break;
	case VIRTIO_MMIO_START:
		REQUIRE(!*running);
		REQUIRE((mmio->driver_features & ~mmio->config.features) == 0);
		*running = true;
		break;
	case VIRTIO_MMIO_STOP:
		REQUIRE(*running);
		*running = false;
		virtio_mmio_reset(mmio);
		break;
	case VIRTIO_MMIO_NOTIFY:
		REQUIRE(*running && event.queue < QUEUES && mmio->queue[event.queue].ready);
		break;
	}
}

/* Accesses of 12 bytes: offset (le16), width, read or write, value (le64). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t ram[RAM];
	struct guestmem mem = { 0 };
	struct virtio_mmio mmio;
	struct virtio_mmio_config config = { .device_id = 5,
					     .features = 0x30000000,
					     .queues = QUEUES,
					     .queue_size = 256,
					     .config_size = 60,
					     .writable = 32,
					     .writable_size = 4,
					     .mem = &mem };
	bool running = false;

	if (guestmem_add(&mem, 0, RAM, ram) < 0)
		return 0;
	virtio_mmio_init(&mmio, &config);
	for (; size >= ACCESS_BYTES; data += ACCESS_BYTES, size -= ACCESS_BYTES) {
		uint64_t offset = le16_load(data) & 0xfff;
		uint32_t width = 1u << (data[2] & 3);
		uint8_t value[8];

		if ((data[3] & 1) != 0)
			act(&mmio, virtio_mmio_write(&mmio, offset, width, data + 4), &running);
		else
			virtio_mmio_read(&mmio, offset, width, value);
		check_queues(&mmio);
	}
	return 0;
}
