/*
 * A device of a sandbox under attack: the installed program in its own jail, and what a guest
 * that drives the hardware itself holds: memory, rings written raw, doorbells. Beside the
 * program lie things that no guest may see or change (victim_is_unharmed()).
 *
 * Guest memory is two pieces with a hole between; rings lie at the start of the first.
 */
#ifndef TESTS_ATTACK_DEVICES_VICTIM_H
#define TESTS_ATTACK_DEVICES_VICTIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "jail/spawn.h"
#include "tests/unit/virtio/driver_ring.h"
#include "vm/guestmem.h"

struct backend;
struct vhost_frontend;

enum {
	VICTIM_QUEUES_MAX = 3,
	VICTIM_RING = 64, /* entries */
	VICTIM_LOW = 4 << 20,
	VICTIM_HIGH_AT = 16 << 20,
	VICTIM_HIGH = 1 << 20,
	VICTIM_RING_SPACE = 64 << 10,
	VICTIM_SCRATCH = 1 << 20, /* buffers of attacks and requests, to the end of the low piece */
	VICTIM_WAIT_MS = 30000,
};

/* What an attack came to. All but the last two are what is promised. */
enum fate {
	FATE_SERVES, /* and the next driver is served */
	FATE_LOST,   /* the device is dead until its VM ends */
	FATE_ENDED,  /* the program ended by itself */
	FATE_CRASHED,
	FATE_HUNG,
};

const char *fate_name(enum fate fate);

struct victim;

/* One kind of device: how it is started, and one honest request. */
struct victim_kind {
	const struct backend *backend;
	unsigned queues;
	unsigned commands; /* the queue on which a guest asks */
	bool (*asks)(struct victim *victim);
};

extern const struct victim_kind victim_blk, victim_fs, victim_vsock, victim_net;

struct victim {
	const struct victim_kind *kind;
	const char *program;
	char *const *environment; /* weak */
	struct spawned child;
	bool running;
	struct vhost_frontend *frontend;
	struct guestmem mem;
	int memory[2];
	struct driver_ring ring[VICTIM_QUEUES_MAX];
	int kick[VICTIM_QUEUES_MAX], call[VICTIM_QUEUES_MAX];
	char folder[64];
	int log;		 /* what the program said */
	unsigned files_at_start; /* descriptors that it holds */
	uint64_t unique;	 /* of FUSE requests */
	struct err err;
};

/* Starts it with a driver; environment: NULL-terminated, NULL: the empty one of an installed one.
 */
bool victim_start(struct victim *victim, const struct victim_kind *kind, const char *program,
		  char *const *environment);
/* Ends it; whether it ended as it should: by itself, with nothing said by a sanitizer. */
bool victim_stop(struct victim *victim);

/* Waits until what was done has been seen, then finds out what has become of it. */
enum fate victim_judge(struct victim *victim);

/* What lies beside and below is as it was, and it holds no more descriptors than at the start. */
bool victim_is_unharmed(struct victim *victim);

/* ---- a driver's means */

/* Stops all queues and starts them empty, as a new driver does. */
bool victim_reset(struct victim *victim);
bool victim_start_queue(struct victim *victim, unsigned queue);
bool victim_stop_queue(struct victim *victim, unsigned queue);
/* Memory is said to be these pieces from now on: bit 0 the low one, bit 1 the high one. */
bool victim_set_memory(struct victim *victim, unsigned pieces);

void victim_kick(const struct victim *victim, unsigned queue);
void *victim_at(const struct victim *victim, uint64_t gpa);

/* Written at once, also while another thread starts the queue anew. */
struct raw_desc {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags, next;
};
/* Into the ring's own table, or the indirect one at `table`. */
void victim_put(const struct victim *victim, unsigned queue, uint16_t index, struct raw_desc desc);
void victim_put_at(const struct victim *victim, uint64_t table, uint16_t index,
		   struct raw_desc desc);
/* Writes the chain from descriptor 0 on and offers it. */
void victim_offer(struct victim *victim, unsigned queue, const struct raw_desc *chain,
		  size_t count);

/* Whether a chain comes back in time; *ret_written of it. */
bool victim_await(struct victim *victim, unsigned queue, uint32_t *ret_written);

/*
 * A request in one piece at VICTIM_SCRATCH and its answer behind it; bytes written of it, or -1
 * when none came.
 */
int64_t victim_ask(struct victim *victim, const void *request, size_t len, size_t answer_max);
const uint8_t *victim_answer(const struct victim *victim);

#endif
