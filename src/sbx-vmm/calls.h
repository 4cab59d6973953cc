/*
 * Calls from vCPU threads to the main thread. What a device does beyond its
 * registers happens on the main thread alone, so devices need no locks; a vCPU
 * that starts or stops one waits until it is done, as the driver expects.
 */
#ifndef SBX_VMM_CALLS_H
#define SBX_VMM_CALLS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/list.h"
#include "base/loop.h"

struct calls {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct list waiting; /* struct call, on the stacks of their threads */
	bool closed;
	int wake; /* owned eventfd */
	struct loop_watch watch;
};

typedef void call_fn(void *ctx);

/* Calls are taken on this loop from now on. */
int calls_init(struct calls *calls, struct loop *loop);

/* From another thread: runs fn(ctx) on the loop and waits; after calls_close() does nothing. */
void calls_make(struct calls *calls, call_fn *fn, void *ctx);

/* Waiting calls return undone, later ones too: the machine ends. */
void calls_close(struct calls *calls);

/* No thread calls any more. */
void calls_finish(struct calls *calls);

#endif
