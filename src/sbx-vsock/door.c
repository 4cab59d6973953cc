#include "sbx-vsock/door.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "wire/vsock.h"

enum { CALLERS_MAX = 64, ASK_TIMEOUT_MS = 5000 };

/* A connection that has not said all of its ask. */
struct caller {
	struct door *door; /* weak */
	struct loop_watch watch;
	struct loop_timer timer;
	struct list node;
	int fd; /* owned */
	uint8_t ask[VSOCK_ASK_SIZE];
	size_t len;
};

static void forget(struct caller *caller)
{
	loop_remove(&caller->watch);
	loop_disarm(&caller->timer);
	list_remove(&caller->node);
	caller->door->count--;
	if (caller->fd >= 0)
		(void)close(caller->fd);
	free(caller);
}

static void hand_over(struct caller *caller)
{
	const struct door_config *config = &caller->door->config;
	struct vsock_ask_message message;

	if (vsock_ask_decode(caller->ask, &message) == 0) {
		loop_remove(&caller->watch);
		config->asked(config->owner, take_fd(&caller->fd), &message);
	}
	forget(caller);
}

static void said(struct loop_watch *watch, uint32_t events)
{
	struct caller *caller = container_of(watch, struct caller, watch);
	ssize_t n = recv(caller->fd, caller->ask + caller->len, sizeof(caller->ask) - caller->len,
			 MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		forget(caller);
		return;
	}
	caller->len += (size_t)n;
	if (caller->len == sizeof(caller->ask))
		hand_over(caller);
}

static void timed_out(struct loop_timer *timer)
{
	forget(container_of(timer, struct caller, timer));
}

static int let_in(struct door *door, int fd)
{
	struct caller *caller = calloc(1, sizeof(*caller));
	int r;

	if (caller == NULL)
		return -ENOMEM;
	caller->door = door;
	caller->fd = fd;
	r = loop_add(door->config.loop, &caller->watch, fd, EPOLLIN, said);
	if (r < 0) {
		free(caller);
		return r;
	}
	loop_arm(door->config.loop, &caller->timer, clock_now_ms() + ASK_TIMEOUT_MS, timed_out);
	list_append(&door->callers, &caller->node);
	door->count++;
	/* Most often the ask came with the connection. */
	said(&caller->watch, EPOLLIN);
	return 0;
}

static void visited(struct loop_watch *watch, uint32_t events)
{
	struct door *door = container_of(watch, struct door, watch);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0 && (door->count == CALLERS_MAX || let_in(door, fd) < 0))
		(void)close(fd);
}

int door_init(struct door *door, const struct door_config *config)
{
	int r = fd_set_nonblock(config->socket, true);

	*door = (struct door){ .config = *config };
	list_init(&door->callers);
	return r == 0 ? loop_add(config->loop, &door->watch, config->socket, EPOLLIN, visited) : r;
}

void door_finish(struct door *door)
{
	if (door->config.loop == NULL)
		return;
	loop_remove(&door->watch);
	list_for_each (node, next, &door->callers)
		forget(container_of(node, struct caller, node));
}
