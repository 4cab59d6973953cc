/*
 * The event loop: one per thread, level-triggered epoll.
 *
 * A watcher or a timer is a member of its owner and must stay where it is
 * while it is on the loop; take it off before freeing the owner. A callback
 * may remove any watcher, its own too: events already gathered for a removed
 * watcher are not delivered. Callbacks never block.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_watch;
struct loop_timer;

/* events: EPOLLIN, EPOLLOUT, … as epoll reported them. */
typedef void loop_watch_fn(struct loop_watch *watch, uint32_t events);
typedef void loop_timer_fn(struct loop_timer *timer);

struct loop_watch {
	loop_watch_fn *ready;
	int fd;		   /* weak; -1 when not on a loop */
	struct loop *loop; /* weak; NULL when not on a loop */
};

struct loop_timer {
	loop_timer_fn *expired;
	uint64_t deadline_ms;	 /* of clock_now_ms() */
	struct loop_timer *next; /* armed timers, soonest first */
	struct loop *loop;	 /* weak; NULL when not armed */
};

int loop_create(struct loop **ret);
void loop_destroy(struct loop *loop);

/* Puts fd on the loop for events; ready is called with this watch. */
int loop_add(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
	     loop_watch_fn *ready);

/* Changes what a watch on the loop waits for. */
int loop_change(struct loop_watch *watch, uint32_t events);

/* Takes it off; harmless when it is not on. The descriptor stays open. */
void loop_remove(struct loop_watch *watch);

/* Calls expired once at the deadline; an armed timer is moved. */
void loop_arm(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ms,
	      loop_timer_fn *expired);
void loop_disarm(struct loop_timer *timer);

/* Runs until loop_stop(); 0 or -errno of epoll_wait. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
bool loop_is_stopped(const struct loop *loop);

/* One round: waits at most timeout_ms (-1: for ever), then delivers. */
int loop_step(struct loop *loop, int timeout_ms);

/*
 * For threads that take turns at a loop: leave is called before a round waits and enter
 * after it, and between the two another thread may add, change and remove watches, but arm
 * no timer. NULL: it is one thread's again.
 */
void loop_share(struct loop *loop, void (*leave)(void *owner), void (*enter)(void *owner),
		void *owner);

#endif
