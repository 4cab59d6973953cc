/*
 * Waiting with an end: all who wait in one queue wait equally long, so the
 * queue is in order by itself and one timer serves them all. A queue may have
 * a size beyond which who waited longest is lost first: what rests costs
 * memory, and a guest opens as much as it likes.
 */
#ifndef SBX_PROXY_PATIENCE_H
#define SBX_PROXY_PATIENCE_H

#include <stdint.h>

#include "base/list.h"
#include "base/loop.h"

enum { PATIENCE_LEAST_MS = 1000 /* in a crowd, too: what was said last can be sent */ };

struct patience {
	struct loop *loop; /* weak */
	struct loop_timer timer;
	struct list waiting; /* soonest first */
	uint64_t span_ms;
	unsigned count, crowd; /* who wait, and how many may */
};

/* A member of its owner. */
struct patience_wait {
	struct list node;
	struct patience *patience; /* weak; NULL: on no queue */
	uint64_t deadline_ms;
	void (*lost)(struct patience_wait *wait); /* called once, off the queue */
};

/* crowd: as many may wait as like to when 0. */
void patience_init(struct patience *patience, struct loop *loop, uint64_t span_ms, unsigned crowd);
void patience_finish(struct patience *patience);

/* Before the first use of a wait. */
void patience_wait_init(struct patience_wait *wait, void (*lost)(struct patience_wait *wait));

/* From now on, also when it waits already, here or elsewhere. */
void patience_start(struct patience *patience, struct patience_wait *wait);
void patience_stop(struct patience_wait *wait);

#endif
