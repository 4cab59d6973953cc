/*
 * How fast this host's time stamp counter runs. The guest sees the same
 * counter, but has nothing to measure it against but an emulated timer whose
 * interrupts come late on a busy host: a guest that finds no answer hangs, and
 * one that mistrusts its counter falls back to counting ticks. So it is told.
 */
#ifndef ENGINE_TSC_H
#define ENGINE_TSC_H

#include <stdint.h>

/* In kHz; takes about ten milliseconds. 0: this processor has none that can be used. */
uint32_t tsc_measure_khz(void);

#endif
