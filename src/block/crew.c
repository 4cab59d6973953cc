/*
 * The state of the loop and of all who are called back from it is in one thread's hand
 * at a time. Who leads has it but while it sleeps in the loop. Who has run a work
 * takes it to call `done`; if another thread has it, the work is left with that one, which
 * calls `done` before it lets the state go. So a work's end never waits for its
 * turn behind a leader that is quick to take the state again.
 */
#include "block/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/loop.h"

enum { STACK_BYTES = 256 << 10 };

struct work_list {
	struct work *first, **end;
};

struct crew {
	struct loop *loop;	 /* weak */
	pthread_mutex_t lock;	 /* over all that follows */
	pthread_cond_t turn;	 /* an idle thread has something to do */
	pthread_cond_t let_go;	 /* nobody has the state in hand */
	pthread_cond_t finished; /* ran is not empty */
	struct work_list todo;	 /* submitted */
	struct work_list ran;	 /* left with who has the state */
	bool in_hand;		 /* a thread has the state */
	bool led, ended;
	unsigned idle;
	unsigned under_way; /* works; changed by who has the state */
	int error;	    /* of the loop */
	unsigned count, started;
	pthread_t thread[];
};

static void list_clear(struct work_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct work_list *list, struct work *work)
{
	work->next = NULL;
	*list->end = work;
	list->end = &work->next;
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

static void lock(struct crew *crew)
{
	(void)pthread_mutex_lock(&crew->lock);
}

static void unlock(struct crew *crew)
{
	(void)pthread_mutex_unlock(&crew->lock);
}

/* Those below are called with the lock, which they may give up meanwhile. */

static void call_done(struct crew *crew, struct work *work)
{
	crew->under_way--;
	unlock(crew);
	work->done(work);
	lock(crew);
}

/* Only who leads waits for it: the others leave their work to who has it. */
static void take_state(struct crew *crew)
{
	while (crew->in_hand)
		(void)pthread_cond_wait(&crew->let_go, &crew->lock);
	crew->in_hand = true;
}

static void let_state_go(struct crew *crew)
{
	struct work *work;

	while ((work = list_take(&crew->ran)) != NULL)
		call_done(crew, work);
	crew->in_hand = false;
	(void)pthread_cond_signal(&crew->let_go);
}

/* Somebody must lead, and what waits need not wait longer. */
static void call_another(struct crew *crew)
{
	if (crew->idle > 0 && (!crew->led || crew->todo.first != NULL))
		(void)pthread_cond_signal(&crew->turn);
}

static void do_work(struct crew *crew, struct work *work)
{
	call_another(crew);
	unlock(crew);
	work->run(work);
	lock(crew);
	if (crew->in_hand) {
		list_add(&crew->ran, work);
		(void)pthread_cond_signal(&crew->finished);
		return;
	}
	take_state(crew);
	call_done(crew, work);
	let_state_go(crew);
}

static void end(struct crew *crew, int error)
{
	crew->error = error;
	crew->ended = true;
	(void)pthread_cond_broadcast(&crew->turn);
}

/* Until there is work, and somebody to lead meanwhile. */
static void lead(struct crew *crew)
{
	crew->led = true;
	take_state(crew);
	do {
		int r;

		unlock(crew);
		r = loop_step(crew->loop, -1);
		lock(crew);
		if (r < 0 || loop_is_stopped(crew->loop))
			end(crew, r);
	} while (!crew->ended && (crew->todo.first == NULL || crew->idle == 0));
	let_state_go(crew);
	crew->led = false;
}

static void take_turns(struct crew *crew)
{
	while (!crew->ended) {
		struct work *work = NULL;

		if (crew->led || crew->idle > 0)
			work = list_take(&crew->todo);
		if (work != NULL) {
			do_work(crew, work);
		} else if (!crew->led) {
			lead(crew);
		} else {
			crew->idle++;
			(void)pthread_cond_wait(&crew->turn, &crew->lock);
			crew->idle--;
		}
	}
}

static void *run(void *argument)
{
	struct crew *crew = argument;

	lock(crew);
	take_turns(crew);
	unlock(crew);
	return NULL;
}

static void leave(void *owner)
{
	struct crew *crew = owner;

	lock(crew);
	let_state_go(crew);
	call_another(crew); /* for what the works that ended have submitted */
	unlock(crew);
}

static void enter(void *owner)
{
	struct crew *crew = owner;

	lock(crew);
	take_state(crew);
	unlock(crew);
}

int crew_create(struct loop *loop, unsigned count, struct crew **ret)
{
	struct crew *crew = calloc(1, sizeof(*crew) + sizeof(pthread_t) * count);

	if (crew == NULL)
		return -ENOMEM;
	crew->loop = loop;
	crew->count = count;
	(void)pthread_mutex_init(&crew->lock, NULL);
	(void)pthread_cond_init(&crew->turn, NULL);
	(void)pthread_cond_init(&crew->let_go, NULL);
	(void)pthread_cond_init(&crew->finished, NULL);
	list_clear(&crew->todo);
	list_clear(&crew->ran);
	*ret = crew;
	return 0;
}

void crew_destroy(struct crew *crew)
{
	free(crew);
}

/* The calling thread is one of them. */
static int start_threads(struct crew *crew)
{
	pthread_attr_t attributes;
	int r;

	r = pthread_attr_init(&attributes);
	if (r == 0)
		r = pthread_attr_setstacksize(&attributes, STACK_BYTES);
	while (r == 0 && crew->started + 1 < crew->count) {
		r = pthread_create(&crew->thread[crew->started], &attributes, run, crew);
		crew->started += r == 0;
	}
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

int crew_run(struct crew *crew)
{
	int r;

	loop_share(crew->loop, leave, enter, crew);
	lock(crew);
	r = start_threads(crew);
	if (r < 0)
		end(crew, r);
	take_turns(crew);
	unlock(crew);
	while (crew->started > 0)
		(void)pthread_join(crew->thread[--crew->started], NULL);
	loop_share(crew->loop, NULL, NULL, NULL);
	return crew->error;
}

void crew_submit(struct crew *crew, struct work *work)
{
	lock(crew);
	list_add(&crew->todo, work);
	crew->under_way++;
	unlock(crew);
}

bool crew_is_busy(const struct crew *crew)
{
	return crew->under_way > 0;
}

void crew_wait(struct crew *crew)
{
	struct work *work;

	lock(crew);
	work = list_take(&crew->todo);
	if (work != NULL) {
		unlock(crew);
		work->run(work);
		lock(crew);
	}
	while (work == NULL && (work = list_take(&crew->ran)) == NULL)
		(void)pthread_cond_wait(&crew->finished, &crew->lock);
	call_done(crew, work);
	unlock(crew);
}
