/*
 * "Did you mean": which of some words was probably meant by a mistyped one.
 */
#ifndef APP_NEAREST_H
#define APP_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *typed; /* weak */
	const char *best;  /* weak; NULL: nothing is near enough */
	size_t distance;   /* of best */
};

struct nearest nearest_begin(const char *typed);

/* Offers a candidate; the string must live as long as the answer is used. */
void nearest_offer(struct nearest *nearest, const char *candidate);

#endif
