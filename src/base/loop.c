/*
 * Removal while events are being delivered: epoll_wait fills `ready`; each
 * entry carries its watch. loop_remove() blanks the entries of that watch that
 * were gathered but not delivered, so nobody calls into freed memory. What a
 * thread gathers while another removes a watch may be that watch's: all of it
 * is forgotten, and reported again by the next round.
 */
#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

enum { LOOP_BATCH = 64 }; /* events taken from the kernel at once */

struct loop {
	int epoll;
	bool stopped;
	int ready_count; /* entries of ready being delivered */
	struct epoll_event ready[LOOP_BATCH];
	struct loop_timer *timers;
	bool removed;					   /* a watch, since the last wait began */
	void (*leave)(void *owner), (*enter)(void *owner); /* NULL: the loop is one thread's */
	void *owner;
};

int loop_create(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return -ENOMEM;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		int r = -errno;

		free(loop);
		return r;
	}
	*ret = loop;
	return 0;
}

void loop_destroy(struct loop *loop)
{
	if (loop == NULL)
		return;
	(void)close(loop->epoll);
	free(loop);
}

int loop_add(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
	     loop_watch_fn *ready)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	*watch = (struct loop_watch){ .ready = ready, .fd = fd, .loop = loop };
	return 0;
}

int loop_change(struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(watch->loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) < 0)
		return -errno;
	return 0;
}

void loop_remove(struct loop_watch *watch)
{
	struct loop *loop = watch->loop;

	if (loop == NULL)
		return;
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	for (int i = 0; i < loop->ready_count; i++) {
		if (loop->ready[i].data.ptr == watch)
			loop->ready[i].data.ptr = NULL;
	}
	loop->removed = true;
	watch->loop = NULL;
	watch->fd = -1;
}

void loop_arm(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ms,
	      loop_timer_fn *expired)
{
	struct loop_timer **place = &loop->timers;

	loop_disarm(timer);
	while (*place != NULL && (*place)->deadline_ms <= deadline_ms)
		place = &(*place)->next;
	*timer = (struct loop_timer){
		.expired = expired, .deadline_ms = deadline_ms, .next = *place, .loop = loop
	};
	*place = timer;
}

void loop_disarm(struct loop_timer *timer)
{
	struct loop_timer **place;

	if (timer->loop == NULL)
		return;
	place = &timer->loop->timers;
	while (*place != timer)
		place = &(*place)->next;
	*place = timer->next;
	timer->loop = NULL;
	timer->next = NULL;
}

static void fire_timers(struct loop *loop)
{
	uint64_t now = clock_now_ms();

	while (loop->timers != NULL && loop->timers->deadline_ms <= now) {
		struct loop_timer *timer = loop->timers;

		loop_disarm(timer);
		timer->expired(timer);
	}
}

/* The sooner of the caller's patience and the first timer. */
static int wait_ms(const struct loop *loop, int timeout_ms)
{
	int left;

	if (loop->timers == NULL)
		return timeout_ms;
	left = clock_left_ms(loop->timers->deadline_ms);
	return timeout_ms < 0 || left < timeout_ms ? left : timeout_ms;
}

/* Gathers events into ready; their number, or -errno. */
static int gather(struct loop *loop, int timeout_ms)
{
	int n, error;

	loop->removed = false;
	timeout_ms = wait_ms(loop, timeout_ms);
	if (loop->leave != NULL)
		loop->leave(loop->owner);
	n = epoll_wait(loop->epoll, loop->ready, LOOP_BATCH, timeout_ms);
	error = errno;
	if (loop->enter != NULL)
		loop->enter(loop->owner);
	if (n < 0)
		return error == EINTR ? 0 : -error;
	return loop->removed ? 0 : n;
}

int loop_step(struct loop *loop, int timeout_ms)
{
	int n = gather(loop, timeout_ms);

	if (n < 0)
		return n;
	loop->ready_count = n;
	for (int i = 0; i < n; i++) {
		struct loop_watch *watch = loop->ready[i].data.ptr;

		if (watch != NULL)
			watch->ready(watch, loop->ready[i].events);
	}
	loop->ready_count = 0;
	fire_timers(loop);
	return 0;
}

int loop_run(struct loop *loop)
{
	int r = 0;

	loop->stopped = false;
	while (!loop->stopped && r == 0)
		r = loop_step(loop, -1);
	return r;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

bool loop_is_stopped(const struct loop *loop)
{
	return loop->stopped;
}

void loop_share(struct loop *loop, void (*leave)(void *owner), void (*enter)(void *owner),
		void *owner)
{
	loop->leave = leave;
	loop->enter = enter;
	loop->owner = owner;
}
