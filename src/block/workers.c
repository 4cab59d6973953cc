/*
 * Two lists under one lock: work to run, and work that has run. An eventfd,
 * written when the second stops being empty, brings the loop to deliver it.
 */
#include "block/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/loop.h"

enum { STACK_BYTES = 128 << 10 };

struct work_list {
	struct work *first, **end;
};

struct workers {
	pthread_mutex_t lock;	  /* over `todo`, `ran` and `ending` */
	pthread_cond_t submitted; /* todo is not empty, or ending */
	pthread_cond_t finished;  /* ran is not empty */
	struct work_list todo, ran;
	bool ending;
	int event; /* owned eventfd: ran is not empty */
	struct loop_watch watch;
	unsigned count;
	pthread_t thread[];
};

static void list_clear(struct work_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

/* True when it was empty. */
static bool list_add(struct work_list *list, struct work *work)
{
	bool was_empty = list->first == NULL;

	work->next = NULL;
	*list->end = work;
	list->end = &work->next;
	return was_empty;
}

static struct work *list_take(struct work_list *list)
{
	struct work *work = list->first;

	if (work != NULL)
		list->first = work->next;
	if (list->first == NULL)
		list->end = &list->first;
	return work;
}

/* The next work, or NULL when it is time to end. Sleeps. */
static struct work *next_work(struct workers *workers)
{
	struct work *work;

	(void)pthread_mutex_lock(&workers->lock);
	while ((work = list_take(&workers->todo)) == NULL && !workers->ending)
		(void)pthread_cond_wait(&workers->submitted, &workers->lock);
	(void)pthread_mutex_unlock(&workers->lock);
	return work;
}

static void hand_back(struct workers *workers, struct work *work)
{
	bool first;

	(void)pthread_mutex_lock(&workers->lock);
	first = list_add(&workers->ran, work);
	(void)pthread_cond_signal(&workers->finished);
	(void)pthread_mutex_unlock(&workers->lock);
	if (first)
		(void)eventfd_write(workers->event, 1);
}

static void *run(void *argument)
{
	struct workers *workers = argument;
	struct work *work;

	while ((work = next_work(workers)) != NULL) {
		work->run(work);
		hand_back(workers, work);
	}
	return NULL;
}

/* Calls `done` of every work in a list that nobody else sees. */
static void deliver(struct work *work)
{
	while (work != NULL) {
		struct work *next = work->next;

		work->done(work);
		work = next;
	}
}

static struct work *take_ran(struct workers *workers, bool wait)
{
	struct work *work;

	(void)pthread_mutex_lock(&workers->lock);
	while (wait && workers->ran.first == NULL)
		(void)pthread_cond_wait(&workers->finished, &workers->lock);
	work = workers->ran.first;
	list_clear(&workers->ran);
	(void)pthread_mutex_unlock(&workers->lock);
	return work;
}

static void some_ran(struct loop_watch *watch, uint32_t events)
{
	struct workers *workers = container_of(watch, struct workers, watch);
	eventfd_t count;

	(void)events;
	(void)eventfd_read(workers->event, &count);
	deliver(take_ran(workers, false));
}

void workers_wait(struct workers *workers)
{
	deliver(take_ran(workers, true));
}

static int start_threads(struct workers *workers, unsigned count)
{
	pthread_attr_t attributes;
	int r;

	r = pthread_attr_init(&attributes);
	if (r == 0)
		r = pthread_attr_setstacksize(&attributes, STACK_BYTES);
	while (r == 0 && workers->count < count) {
		r = pthread_create(&workers->thread[workers->count], &attributes, run, workers);
		workers->count += r == 0;
	}
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

int workers_create(struct loop *loop, unsigned count, struct workers **ret)
{
	struct workers *workers = calloc(1, sizeof(*workers) + sizeof(pthread_t) * count);
	int r;

	if (workers == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&workers->lock, NULL);
	(void)pthread_cond_init(&workers->submitted, NULL);
	(void)pthread_cond_init(&workers->finished, NULL);
	list_clear(&workers->todo);
	list_clear(&workers->ran);
	workers->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = workers->event < 0 ? -errno : 0;
	if (r == 0)
		r = loop_add(loop, &workers->watch, workers->event, EPOLLIN, some_ran);
	if (r == 0)
		r = start_threads(workers, count);
	if (r < 0) {
		workers_destroy(workers);
		return r;
	}
	*ret = workers;
	return 0;
}

void workers_destroy(struct workers *workers)
{
	if (workers == NULL)
		return;
	(void)pthread_mutex_lock(&workers->lock);
	workers->ending = true;
	(void)pthread_cond_broadcast(&workers->submitted);
	(void)pthread_mutex_unlock(&workers->lock);
	for (unsigned i = 0; i < workers->count; i++)
		(void)pthread_join(workers->thread[i], NULL);
	loop_remove(&workers->watch);
	if (workers->event >= 0)
		(void)close(workers->event);
	free(workers);
}

void workers_submit(struct workers *workers, struct work *work)
{
	(void)pthread_mutex_lock(&workers->lock);
	(void)list_add(&workers->todo, work);
	(void)pthread_cond_signal(&workers->submitted);
	(void)pthread_mutex_unlock(&workers->lock);
}
