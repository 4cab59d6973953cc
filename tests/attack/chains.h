/*
 * Chains of descriptors that break a rule of virtio 1.2 §2.7, or are odd: what any driver can
 * put into any queue of any device. The driver that speaks vhost-user (devices/) offers them,
 * and the guest behind sbx-vmm's registers (machine/guest/), each with places of its own.
 */
#ifndef TESTS_ATTACK_CHAINS_H
#define TESTS_ATTACK_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHAIN_PARTS = 2, CHAIN_RING = 64 /* entries of each queue */ };

/* Guest memory is two pieces with a hole between. */
enum chain_place {
	PLACE_NOWHERE,	/* 2^64 */
	PLACE_SCRATCH,	/* buffers */
	PLACE_TABLE,	/* where `indirect` lies */
	PLACE_LOW_END,	/* of the low piece */
	PLACE_HOLE,	/* nothing is there */
	PLACE_HIGH_END, /* of all memory */
	PLACE_DESC,	/* the queue's own parts */
	PLACE_AVAIL,
	PLACE_USED,
	PLACE_COUNT,
};

struct chain_part {
	enum chain_place place;
	int32_t offset; /* from there */
	uint32_t len;
	uint16_t flags, next; /* a descriptor's */
};

struct chain {
	const char *name;
	bool is_broken; /* whoever reads it is sure to see that a rule is broken */
	struct chain_part part[CHAIN_PARTS];	 /* the queue's descriptors from 0 on; */
	struct chain_part indirect[CHAIN_PARTS]; /* those of no place are not written */
};

extern const struct chain chains[];
extern const size_t chains_count;

/* The address of a part. */
uint64_t chain_address(const struct chain_part *part, const uint64_t places[PLACE_COUNT]);

/* Whether it is one. */
bool chain_has(const struct chain_part *part);

#endif
