/* What a guest may write into any queue of any device. */
#ifndef TESTS_ATTACK_DEVICES_RINGS_H
#define TESTS_ATTACK_DEVICES_RINGS_H

#include <stddef.h>

struct victim;

struct ring_attack {
	const char *id; /* of the case it belongs to; see tests/attack/cases */
	const char *name;
	void (*run)(struct victim *victim, unsigned queue);
};

extern const struct ring_attack ring_attacks[];
extern const size_t ring_attacks_count;

#endif
