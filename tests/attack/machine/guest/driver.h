/*
 * A driver for any virtio device on the mmio transport: registers, rings in this
 * guest's memory, chains put into them as they are, right or wrong. Rings and
 * buffers have places of their own (enum below), so that attacks can aim.
 */
#ifndef TESTS_ATTACK_MACHINE_DRIVER_H
#define TESTS_ATTACK_MACHINE_DRIVER_H

#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	DRIVER_QUEUES_MAX = 3,
	DRIVER_ENTRIES = 64,
	DRIVER_RINGS = 0x400000, /* of device in slot 0, queue 0 */
	DRIVER_RING_SPACE = 0x4000,
	DRIVER_DEVICE_SPACE = 0x10000,
	DRIVER_TABLE = 0x600000,   /* indirect one, of attacks */
	DRIVER_HONEST = 0x680000,  /* buffers of honest requests */
	DRIVER_SCRATCH = 0x800000, /* buffers of attacks, to the end of memory */
};

struct ring {
	uint64_t desc, avail, used;
	uint16_t offered; /* chains so far */
	uint16_t taken;	  /* of used */
};

struct driver {
	uint64_t base; /* of the registers */
	unsigned slot, id;
	const char *name;
	unsigned queues;
	bool local; /* served in sbx-vmm: a broken rule is told by its status */
	struct ring ring[DRIVER_QUEUES_MAX];
};

struct raw {
	uint64_t address;
	uint32_t len;
	uint16_t flags, next;
};

/* Whether there is a device in this slot, and which. */
bool driver_find(unsigned slot, struct driver *ret);

uint32_t driver_read(const struct driver *driver, unsigned reg);
void driver_write(const struct driver *driver, unsigned reg, uint32_t value);

/* A driver's steps up to DRIVER_OK (virtio 1.2 §3.1.1). */
void driver_hello(const struct driver *driver); /* up to FEATURES_OK */
void driver_place_queue(const struct driver *driver, unsigned queue, uint32_t size, uint64_t desc,
			uint64_t avail, uint64_t used);
void driver_add_queue(struct driver *driver, unsigned queue); /* empty, ready */
void driver_go(const struct driver *driver);

void driver_reset(const struct driver *driver);

/* All of it, from whatever state; false: the device refuses even that. */
bool driver_restart(struct driver *driver);

void driver_kick(const struct driver *driver, unsigned queue);
bool driver_is_refused(const struct driver *driver);

/* Into the ring's own table, or the indirect one. */
void driver_put(const struct driver *driver, unsigned queue, uint16_t index, struct raw raw);
void table_put(uint16_t index, struct raw raw);

/* The chain that begins at head. */
void driver_offer(struct driver *driver, unsigned queue, uint16_t head);
void driver_set_index(const struct driver *driver, unsigned queue, uint16_t index);

/* Whether a chain came back; *ret_written: bytes of it that were written. */
bool driver_take(struct driver *driver, unsigned queue, uint32_t *ret_written);

/* An honest request for each queue; false: answered wrongly. Waits as long as it takes. */
bool driver_asks(struct driver *driver);

#endif
