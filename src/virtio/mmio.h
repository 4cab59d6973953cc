/*
 * The registers of a virtio device on the mmio transport, version 2 (virtio
 * 1.2 §4.2): what a driver reads and writes, and nothing of what the device
 * does. There is no I/O here and no lock: the caller brings accesses in one at
 * a time and acts on what an access means (struct virtio_mmio_event).
 *
 * Interrupts are raised by whoever serves the queues, without us, so the "used
 * buffer" bit of InterruptStatus always reads as one while the driver runs.
 * That is right for an edge-triggered line, whose every interrupt has a cause.
 *
 * A driver that breaks a rule gets DEVICE_NEEDS_RESET and no service until it
 * resets the device. Accesses of a wrong width or place read as zero and write
 * nothing.
 */
#ifndef VIRTIO_MMIO_H
#define VIRTIO_MMIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guestmem;

enum {
	VIRTIO_MMIO_QUEUES_MAX = 8,
	VIRTIO_MMIO_CONFIG_MAX = 256,	 /* bytes of device configuration space */
	VIRTIO_MMIO_QUEUE_NOTIFY = 0x50, /* where the driver writes a queue's number to ring it */
};

#define VIRTIO_F_VERSION_1 (1ull << 32)

enum virtio_mmio_kind {
	VIRTIO_MMIO_NOTHING, /* the access is done */
	VIRTIO_MMIO_START,   /* the driver is ready: serve the queues that are ready */
	VIRTIO_MMIO_STOP,    /* it resets: touch no queue any more, then virtio_mmio_reset() */
	VIRTIO_MMIO_NOTIFY,  /* chains may wait on `queue` */
	VIRTIO_MMIO_CONFIG,  /* the driver wrote to configuration space */
};

struct virtio_mmio_event {
	enum virtio_mmio_kind kind;
	unsigned queue; /* NOTIFY */
};

struct virtio_mmio_config {
	uint32_t device_id;  /* virtio 1.2 §5 */
	uint64_t features;   /* offered; VIRTIO_F_VERSION_1 is always added */
	unsigned queues;     /* at most VIRTIO_MMIO_QUEUES_MAX */
	uint16_t queue_size; /* most entries of a queue, a power of two */
	size_t config_size;  /* bytes of configuration space, VIRTIO_MMIO_CONFIG_MAX at most */
	size_t writable, writable_size; /* the part of it that the driver may write */
	const struct guestmem *mem;	/* weak, outlives the device */
};

/* As the driver set it up; when ready, all three rings lie in guest memory. */
struct virtio_mmio_queue {
	bool ready;
	uint16_t size;		    /* entries */
	uint64_t desc, avail, used; /* guest-physical */
};

struct virtio_mmio {
	struct virtio_mmio_config config;
	uint8_t space[VIRTIO_MMIO_CONFIG_MAX]; /* device configuration */
	struct virtio_mmio_queue queue[VIRTIO_MMIO_QUEUES_MAX];
	uint64_t driver_features; /* what the driver accepted */
	uint32_t features_select, driver_features_select, queue_select;
	uint32_t status, generation;
	bool started;	     /* between START and the reset after STOP */
	bool config_changed; /* not yet acknowledged */
};

void virtio_mmio_init(struct virtio_mmio *mmio, const struct virtio_mmio_config *config);

/* The driver reads `width` bytes at offset into *ret, which has room for 8. */
void virtio_mmio_read(const struct virtio_mmio *mmio, uint64_t offset, uint32_t width, void *ret);

/* The driver writes `width` bytes at offset. */
struct virtio_mmio_event virtio_mmio_write(struct virtio_mmio *mmio, uint64_t offset,
					   uint32_t width, const void *from);

/* Ends a STOP, and whatever else the driver had set up. */
void virtio_mmio_reset(struct virtio_mmio *mmio);

/* The device cannot go on. The caller interrupts the driver. */
void virtio_mmio_fail(struct virtio_mmio *mmio);

/* New content of configuration space, len <= config_size. The caller interrupts the driver. */
void virtio_mmio_set_config(struct virtio_mmio *mmio, const void *from, size_t len);

#endif
