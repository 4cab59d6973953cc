#include "sbx-vsock/listeners.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "wire/vsock.h"

enum { LISTENERS_MAX = 16 };

struct listener {
	struct listeners *all; /* weak */
	struct loop_watch watch;
	struct list node;
	int fd; /* owned */
};

void listeners_init(struct listeners *listeners, struct loop *loop)
{
	*listeners = (struct listeners){ .loop = loop };
	list_init(&listeners->list);
}

static void drop(struct listener *listener)
{
	loop_remove(&listener->watch);
	list_remove(&listener->node);
	listener->all->count--;
	(void)close(listener->fd);
	free(listener);
}

void listeners_finish(struct listeners *listeners)
{
	if (listeners->loop == NULL)
		return;
	list_for_each (node, next, &listeners->list)
		drop(container_of(node, struct listener, node));
}

/* The end of it, or a word that nobody asked for. */
static void spoke(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	drop(container_of(watch, struct listener, watch));
}

static bool tell(const struct listener *listener, enum vsock_event event, uint32_t value)
{
	uint8_t bytes[VSOCK_EVENT_SIZE];

	vsock_event_encode(event, value, bytes);
	return send(listener->fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       (ssize_t)sizeof(bytes);
}

static void tell_all(struct listeners *listeners, enum vsock_event event, uint32_t value)
{
	list_for_each (node, next, &listeners->list) {
		struct listener *listener = container_of(node, struct listener, node);

		if (!tell(listener, event, value))
			drop(listener);
	}
}

int listeners_add(struct listeners *listeners, int fd)
{
	struct listener *listener;
	int r;

	if (listeners->count == LISTENERS_MAX)
		return -ENOSPC;
	listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		return -ENOMEM;
	listener->all = listeners;
	listener->fd = fd;
	r = loop_add(listeners->loop, &listener->watch, fd, EPOLLIN | EPOLLRDHUP, spoke);
	if (r < 0) {
		free(listener);
		return r;
	}
	list_append(&listeners->list, &listener->node);
	listeners->count++;
	if ((listeners->is_ready && !tell(listener, VSOCK_EVENT_READY, 0)) ||
	    !tell(listener, VSOCK_EVENT_SESSIONS, listeners->sessions))
		drop(listener);
	return 0;
}

void listeners_tell_ready(struct listeners *listeners)
{
	listeners->is_ready = true;
	tell_all(listeners, VSOCK_EVENT_READY, 0);
}

void listeners_tell_sessions(struct listeners *listeners, uint32_t sessions)
{
	listeners->sessions = sessions;
	tell_all(listeners, VSOCK_EVENT_SESSIONS, sessions);
}
