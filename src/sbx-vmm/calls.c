#include "sbx-vmm/calls.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

struct call {
	struct list node;
	call_fn *fn;
	void *ctx;
	bool done;
};

static struct call *take(struct calls *calls)
{
	struct call *call = NULL;

	(void)pthread_mutex_lock(&calls->lock);
	if (!list_is_empty(&calls->waiting)) {
		call = container_of(calls->waiting.next, struct call, node);
		list_remove(&call->node);
	}
	(void)pthread_mutex_unlock(&calls->lock);
	return call;
}

static void finish_call(struct calls *calls, struct call *call)
{
	(void)pthread_mutex_lock(&calls->lock);
	call->done = true;
	(void)pthread_cond_broadcast(&calls->changed);
	(void)pthread_mutex_unlock(&calls->lock);
}

static void calls_ready(struct loop_watch *watch, uint32_t events)
{
	struct calls *calls = container_of(watch, struct calls, watch);
	struct call *call;
	uint64_t count;

	(void)events;
	(void)!read(calls->wake, &count, sizeof(count));
	while ((call = take(calls)) != NULL) {
		call->fn(call->ctx);
		finish_call(calls, call);
	}
}

int calls_init(struct calls *calls, struct loop *loop)
{
	int r;

	*calls = (struct calls){ .lock = PTHREAD_MUTEX_INITIALIZER,
				 .changed = PTHREAD_COND_INITIALIZER,
				 .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				 .watch.fd = -1 };
	list_init(&calls->waiting);
	if (calls->wake < 0)
		return -errno;
	r = loop_add(loop, &calls->watch, calls->wake, EPOLLIN, calls_ready);
	if (r < 0)
		calls_finish(calls);
	return r;
}

void calls_make(struct calls *calls, call_fn *fn, void *ctx)
{
	struct call call = { .fn = fn, .ctx = ctx };
	uint64_t one = 1;

	(void)pthread_mutex_lock(&calls->lock);
	if (!calls->closed) {
		list_append(&calls->waiting, &call.node);
		(void)!write(calls->wake, &one, sizeof(one));
		while (!call.done)
			(void)pthread_cond_wait(&calls->changed, &calls->lock);
	}
	(void)pthread_mutex_unlock(&calls->lock);
}

void calls_close(struct calls *calls)
{
	(void)pthread_mutex_lock(&calls->lock);
	calls->closed = true;
	list_for_each (node, next, &calls->waiting) {
		list_remove(node);
		container_of(node, struct call, node)->done = true;
	}
	(void)pthread_cond_broadcast(&calls->changed);
	(void)pthread_mutex_unlock(&calls->lock);
}

void calls_finish(struct calls *calls)
{
	loop_remove(&calls->watch);
	if (calls->wake >= 0)
		(void)close(calls->wake);
	calls->wake = -1;
}
