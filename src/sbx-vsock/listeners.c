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
	int fd;		     /* owned */
	bool ready_is_due;   /* to be sent when it reads again */
	bool sessions_due;   /* then with the count of that moment */
	bool waits_for_room; /* in the watch's events */
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

/* 0: sent, -EAGAIN: it does not read, else it is gone. */
static int send_event(const struct listener *listener, enum vsock_event event, uint32_t value)
{
	uint8_t bytes[VSOCK_EVENT_SIZE];
	ssize_t n;

	vsock_event_encode(event, value, bytes);
	n = send(listener->fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(bytes) ? 0 : -EPIPE;
}

static int send_due(struct listener *listener)
{
	int r = 0;

	if (listener->ready_is_due)
		r = send_event(listener, VSOCK_EVENT_READY, 0);
	if (r < 0)
		return r;
	listener->ready_is_due = false;
	if (listener->sessions_due)
		r = send_event(listener, VSOCK_EVENT_SESSIONS, listener->all->sessions);
	if (r == 0)
		listener->sessions_due = false;
	return r;
}

/* Sends what is due as far as it goes; drops the listener when it is gone. */
static void serve(struct listener *listener)
{
	int r = send_due(listener);
	bool waits = r == -EAGAIN;

	if (r == 0 || waits) {
		if (waits == listener->waits_for_room)
			return;
		listener->waits_for_room = waits;
		r = loop_change(&listener->watch,
				EPOLLIN | EPOLLRDHUP | (waits ? (uint32_t)EPOLLOUT : 0));
	}
	if (r < 0)
		drop(listener);
}

/* Room again; or its end, or a word that nobody asked for. */
static void stirred(struct loop_watch *watch, uint32_t events)
{
	struct listener *listener = container_of(watch, struct listener, watch);

	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		drop(listener);
	else
		serve(listener);
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
	r = loop_add(listeners->loop, &listener->watch, fd, EPOLLIN | EPOLLRDHUP, stirred);
	if (r < 0) {
		free(listener);
		return r;
	}
	list_append(&listeners->list, &listener->node);
	listeners->count++;
	listener->ready_is_due = listeners->is_ready;
	listener->sessions_due = true;
	serve(listener);
	return 0;
}

void listeners_tell_ready(struct listeners *listeners)
{
	listeners->is_ready = true;
	list_for_each (node, next, &listeners->list) {
		struct listener *listener = container_of(node, struct listener, node);

		listener->ready_is_due = true;
		serve(listener);
	}
}

void listeners_tell_sessions(struct listeners *listeners, uint32_t sessions)
{
	listeners->sessions = sessions;
	list_for_each (node, next, &listeners->list) {
		struct listener *listener = container_of(node, struct listener, node);

		listener->sessions_due = true;
		serve(listener);
	}
}
