/*
 * Time. Deadlines are absolute milliseconds of the monotonic clock, so that a
 * changed wall clock moves none of them.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ms(void);

/* Nanoseconds since 1970 of CLOCK_REALTIME. */
uint64_t clock_realtime_ns(void);

/* Milliseconds until the deadline, 0 when it has passed; fits poll()'s int. */
int clock_left_ms(uint64_t deadline_ms);

#endif
