/*
 * A guest's driver in small, before a backend that nobody here wrote: our
 * frontend, shared memory, and the driver's side of some queues. A buffer is
 * INTEROP_BUFFER bytes; each queue has one to give and one to take.
 */
#ifndef TESTS_INTEROP_GUEST_H
#define TESTS_INTEROP_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "tests/unit/virtio/driver_ring.h"
#include "vhost/frontend.h"
#include "vm/guestmem.h"

enum { INTEROP_QUEUES_MAX = 3, INTEROP_BUFFER = 16384 };

struct interop_guest {
	pid_t peer; /* 0: none */
	char folder[64], socket[96];
	struct vhost_frontend *frontend;
	struct guestmem mem;
	int memory_fd;
	struct driver_ring ring[INTEROP_QUEUES_MAX];
	int kick[INTEROP_QUEUES_MAX], call[INTEROP_QUEUES_MAX];
	unsigned queues;
	struct err err;
};

/* Whether the root of the peers, SBX_PEERS, has the program. */
bool interop_has(const char *program);

/* A folder of its own, and the path of a socket in it. */
int interop_init(struct interop_guest *guest);

/* Starts a program of the peers' root with these words, and connects to its socket. */
int interop_start(struct interop_guest *guest, const char *program, char *const *words);

/* Negotiates those of `wanted` that the peer has, shares memory, starts the first queues. */
int interop_begin(struct interop_guest *guest, uint64_t wanted, unsigned queues);

/* Offers `readable` bytes of what the queue gives, and `writable` of what it takes, and rings. */
void interop_offer(struct interop_guest *guest, unsigned queue, uint32_t readable,
		   uint32_t writable);

/* Waits until an offer came back; how many bytes were written, or -ETIMEDOUT. */
int interop_await(struct interop_guest *guest, unsigned queue);

uint8_t *interop_given(const struct interop_guest *guest, unsigned queue);
uint8_t *interop_taken(const struct interop_guest *guest, unsigned queue);

/* Ends the peer and forgets all. */
void interop_finish(struct interop_guest *guest);

#endif
