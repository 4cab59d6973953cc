#include "sbxd/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbxd/paths.h"

enum { OTHER_STEP_MS = 50 };

/* The command's side: waits for the byte. The daemon's own words are in stderr already. */
static void await_ready(int fd, pid_t pid, const struct paths *paths)
{
	char byte;

	if (fd_read_full(fd, &byte, 1) != 1)
		exit(EXIT_FAILURE);
	(void)printf("Daemon started (PID: %d, socket: %s)\nLogs: %s\n", (int)pid, paths->socket,
		     paths->log);
	exit(EXIT_SUCCESS);
}

int detach(const struct paths *paths, int *ret_ready_fd, struct err *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set_errno(err, -errno, "cannot make a pipe");
	pid = fork();
	if (pid < 0)
		return err_set_errno(err, -errno, "cannot start the daemon");
	if (pid > 0) {
		(void)close(ends[1]);
		await_ready(ends[0], pid, paths);
	}
	(void)close(ends[0]);
	(void)setsid();
	(void)chdir("/");
	*ret_ready_fd = ends[1];
	return 0;
}

bool detach_await_other(const struct paths *paths, uint64_t deadline_ms)
{
	autoclose int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd poll_fd = { .fd = watch, .events = POLLIN };
	int fd;

	if (watch >= 0)
		(void)inotify_add_watch(watch, paths->run, IN_CREATE | IN_ATTRIB | IN_MOVED_TO);
	if (fd_connect_unix(paths->socket, &fd) == 0) {
		(void)close(fd);
		(void)printf("Daemon already running (socket: %s)\n", paths->socket);
		exit(EXIT_SUCCESS);
	}
	/* A moment: listen() after bind() is no event, nor is the release of the lock. */
	(void)poll(&poll_fd, 1, min_of(clock_left_ms(deadline_ms), OTHER_STEP_MS));
	return clock_left_ms(deadline_ms) > 0;
}
