/* What a guest may write into any queue of any device. */
#ifndef TESTS_ATTACK_DEVICES_RINGS_H
#define TESTS_ATTACK_DEVICES_RINGS_H

#include <stddef.h>

struct chain;
struct victim;

struct ring_attack {
	const char *id; /* of the case it belongs to; see tests/attack/cases */
	const char *name;
	void (*run)(struct victim *victim, unsigned queue);
};

extern const struct ring_attack ring_attacks[];
extern const size_t ring_attacks_count;

/* Writes a chain into a queue and rings. */
void ring_offer_chain(struct victim *victim, unsigned queue, const struct chain *chain);

#endif
