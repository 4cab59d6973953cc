/*
 * Threads for work that may sleep, so that a loop never does.
 *
 * A work is a member of its owner. It is submitted on the loop's thread, `run`
 * is called on some worker, then `done` on the loop's thread again; until then it
 * must stay where it is and not be submitted again.
 */
#ifndef BLOCK_WORKERS_H
#define BLOCK_WORKERS_H

struct loop;
struct workers;

struct work {
	void (*run)(struct work *work);
	void (*done)(struct work *work);
	struct work *next; /* the workers' own */
};

/* Starts count threads; their `done` calls come from loop. */
int workers_create(struct loop *loop, unsigned count, struct workers **ret);

/* Every work must be done. */
void workers_destroy(struct workers *workers);

void workers_submit(struct workers *workers, struct work *work);

/* Sleeps until at least one submitted work has run, then calls `done` of all that have. */
void workers_wait(struct workers *workers);

#endif
