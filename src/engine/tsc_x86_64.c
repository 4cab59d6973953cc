#include <time.h>
#include <x86intrin.h>

#include "engine/tsc.h"

enum { MEASURE_NS = 10000000 };

struct sample {
	uint64_t ticks, ns;
};

/* The counter and the clock at nearly the same moment: the closest of a few tries. */
static struct sample take_sample(void)
{
	struct sample best = { .ticks = 0 };
	uint64_t best_gap = UINT64_MAX;

	for (int i = 0; i < 8; i++) {
		struct timespec now;
		uint64_t before = __rdtsc(), after;

		(void)clock_gettime(CLOCK_MONOTONIC_RAW, &now);
		after = __rdtsc();
		if (after - before >= best_gap)
			continue;
		best_gap = after - before;
		best = (struct sample){ .ticks = before + best_gap / 2,
					.ns = (uint64_t)now.tv_sec * 1000000000 +
					      (uint64_t)now.tv_nsec };
	}
	return best;
}

uint32_t tsc_measure_khz(void)
{
	struct sample begin = take_sample(), end;
	uint64_t khz;

	(void)nanosleep(&(struct timespec){ .tv_nsec = MEASURE_NS }, NULL);
	end = take_sample();
	if (end.ns <= begin.ns || end.ticks <= begin.ticks)
		return 0;
	khz = (end.ticks - begin.ticks) * 1000000 / (end.ns - begin.ns);
	return khz > 100000 && khz < 20000000 ? (uint32_t)khz : 0;
}
