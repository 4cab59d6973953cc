/*
 * Which calls on files shall fail, and how: memory that a test shares with a program that has
 * shim.c preloaded. The file's path is in the program's environment, WISHES_VARIABLE.
 */
#ifndef TESTS_ATTACK_FAILING_WISHES_H
#define TESTS_ATTACK_FAILING_WISHES_H

#include <stdint.h>

#define WISHES_VARIABLE "SBX_TEST_FAILING"

enum wishes_call {
	CALL_READ = 1 << 0,
	CALL_WRITE = 1 << 1,
	CALL_SYNC = 1 << 2,
	CALL_ALLOCATE = 1 << 3,
	CALL_NAME = 1 << 4, /* names made and removed */
	CALL_COPY = 1 << 5,
};

enum { WISH_SHORT = 0, WISH_NOTHING = -1 };

struct wishes {
	_Atomic uint32_t calls; /* which; enum wishes_call */
	/*
	 * A positive errno; WISH_SHORT: half is read or written, one byte at least;
	 * WISH_NOTHING: nothing is, and that is no error.
	 */
	_Atomic int32_t error;
	_Atomic uint32_t left;	 /* so many fail */
	_Atomic uint32_t failed; /* said back */
};

#endif
