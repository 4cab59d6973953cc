/*
 * Threads that take turns at one loop, so that work which may sleep begins at once,
 * on the thread that met it, while another goes on with the loop.
 *
 *	leading  at most one thread: it waits for events and calls back.
 *	working  runs a work, which may sleep, and then calls its `done`.
 *	idle     waits for a turn.
 *
 * When a callback has submitted a work, the thread that led does it, and an idle one
 * leads in its place. With all others at work, whoever leads goes on leading and the
 * work waits. The loop's callbacks and `done` of any work are never called at the same
 * time, so what they share needs no lock.
 *
 * A work is a member of its owner. From its submission until `done` is called it must
 * stay where it is and not be submitted again.
 */
#ifndef BLOCK_CREW_H
#define BLOCK_CREW_H

#include <stdbool.h>

struct crew;
struct loop;

struct work {
	void (*run)(struct work *work); /* beside everything else */
	void (*done)(struct work *work);
	struct work *next; /* the crew's own */
};

/* A crew of count threads (at least two) for loop; weak, without timers. */
int crew_create(struct loop *loop, unsigned count, struct crew **ret);

/* Every work must be done. */
void crew_destroy(struct crew *crew);

/*
 * Takes part, with the other threads, until a callback stops the loop; 0 or -errno. Works
 * under way are done when it returns, those that nobody began are not.
 */
int crew_run(struct crew *crew);

/* From a callback or `done`. */
void crew_submit(struct crew *crew, struct work *work);

/* From a callback or `done`: whether works are under way, begun or not. */
bool crew_is_busy(const struct crew *crew);

/*
 * From a callback, or when crew_run() has returned: sleeps until at least one submitted work
 * is done, or does one itself. One must have been submitted.
 */
void crew_wait(struct crew *crew);

#endif
