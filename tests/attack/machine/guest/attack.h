/*
 * What the hostile guest tries. After each, the test wants to see the device
 * serve an honest driver again, or the machine ended with a sentence.
 */
#ifndef TESTS_ATTACK_MACHINE_ATTACK_H
#define TESTS_ATTACK_MACHINE_ATTACK_H

#include <stdbool.h>
#include <stddef.h>

struct chain;
struct driver;

enum attack_scope {
	ATTACK_QUEUE,  /* on each queue of each device, which serves at that moment */
	ATTACK_DEVICE, /* on each device, which serves at that moment; queue is 0 */
	ATTACK_BOARD,  /* once; driver is that of any device */
};

enum attack_answer {
	UNTOLD, /* the device may say something, or not */
	TOLD, /* a rule is broken that a device served in sbx-vmm is sure to see: it must say so */
};

struct attack {
	const char *id; /* of the case it belongs to; see tests/attack/cases */
	const char *name;
	void (*run)(struct driver *driver, unsigned queue);
	enum attack_answer answer;
};

struct attack_list {
	enum attack_scope scope;
	const struct attack *attack;
	const size_t *count;
};

extern const struct attack ring_attacks[], register_attacks[], crowd_attacks[], board_attacks[];
extern const size_t ring_attacks_count, register_attacks_count, crowd_attacks_count,
	board_attacks_count;

/* Writes a chain into a queue and rings. */
void ring_offer_chain(struct driver *driver, unsigned queue, const struct chain *chain);

/* Until what was offered came back or was refused; not for long where neither need be. */
void let_it_see(struct driver *driver, unsigned queue);

#endif
