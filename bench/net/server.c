/*
 * bench-net serve ADDRESS PORT PORTS: what the guest connects to. On PORT it
 * takes, on PORT + 1 it gives, on PORT + 2 it echoes, and on PORTS more it ends each
 * connection at once.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/net/main.h"

enum { BYTES = 1 << 20, EVENTS = 256, BACKLOG = 4096, FILES_MAX = 65536, TURN = 8 };

enum role { ROLE_TAKE, ROLE_GIVE, ROLE_ECHO, ROLE_END };

static uint8_t bytes[BYTES];
static uint8_t role_of[FILES_MAX];
static bool is_listener[FILES_MAX];

static void watch(int epoll, int fd, enum role role, bool listens)
{
	struct epoll_event event = { .events = role == ROLE_GIVE && !listens ? EPOLLOUT : EPOLLIN,
				     .data.fd = fd };

	if (fd >= FILES_MAX || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll");
	role_of[fd] = (uint8_t)role;
	is_listener[fd] = listens;
}

static void start(int epoll, const char *address, unsigned port, enum role role)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1 || fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, BACKLOG) < 0)
		err(1, "cannot listen on %s:%u", address, port);
	watch(epoll, fd, role, true);
}

static void take_in(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (role_of[listener] == ROLE_END)
			(void)close(fd);
		else
			watch(epoll, fd, role_of[listener], false);
	}
}

/* False: it ended. */
static bool serve_once(int fd)
{
	ssize_t n;

	if (role_of[fd] == ROLE_GIVE) {
		n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
		return n > 0 || errno == EAGAIN;
	}
	/* What is only counted is not copied: MSG_TRUNC, tcp(7). */
	n = recv(fd, bytes, sizeof(bytes),
		 MSG_DONTWAIT | (role_of[fd] == ROLE_TAKE ? MSG_TRUNC : 0));
	if (n > 0 && role_of[fd] == ROLE_ECHO)
		(void)send(fd, bytes, (size_t)n, MSG_NOSIGNAL);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

int serve(const char *address, unsigned port, unsigned ports)
{
	struct rlimit limit = { 0 };
	struct epoll_event events[EVENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	start(epoll, address, port, ROLE_TAKE);
	start(epoll, address, port + 1, ROLE_GIVE);
	start(epoll, address, port + 2, ROLE_ECHO);
	for (unsigned i = 0; i < ports; i++)
		start(epoll, address, port + 3 + i, ROLE_END);
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (is_listener[fd])
				take_in(epoll, fd);
			else if (!serve_once(fd))
				(void)close(fd);
		}
	}
}
