#include "sbx-init/docker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"

enum { STOP_MS = 4000 };

/* Who waits for an engine that failed is told so, and does not start the next one. */
static void turn_away(struct pollfd *listener)
{
	while (poll(listener, 1, 0) > 0) {
		int client = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			return;
		(void)close(client);
	}
}

static _Noreturn void serve(const struct docker_config *config, int listener)
{
	struct pollfd set = { .fd = listener, .events = POLLIN };
	sigset_t set_of_signals, idle;
	int signals;

	(void)prctl(PR_SET_NAME, "docker-socket", 0, 0, 0);
	(void)sigemptyset(&idle);
	(void)sigemptyset(&set_of_signals);
	(void)sigaddset(&set_of_signals, SIGCHLD);
	(void)sigaddset(&set_of_signals, SIGTERM);
	(void)sigprocmask(SIG_SETMASK, &set_of_signals, NULL);
	signals = signalfd(-1, &set_of_signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		_exit(EXIT_FAILURE);
	for (;;) {
		/* SIGTERM ends us here, where nothing is to be stopped. */
		if (ppoll(&set, 1, NULL, &idle) < 0)
			continue;
		if (!engine_run(&config->engine, listener, signals))
			turn_away(&set);
	}
}

static int listen_for_group(const char *path, gid_t gid, int *ret)
{
	autoclose int listener = -1;
	int r = fd_listen_unix(path, &listener);

	if (r == 0 && (chown(path, (uid_t)-1, gid) < 0 || chmod(path, 0660) < 0))
		r = -errno;
	if (r == 0)
		*ret = take_fd(&listener);
	return r;
}

int docker_start(const struct docker_config *config, struct err *err, int *ret_process)
{
	autoclose int listener = -1;
	int r, process;
	pid_t pid;

	*ret_process = -1;
	if (access(config->engine.args[0], X_OK) < 0)
		return 0;
	r = listen_for_group(config->socket, config->gid, &listener);
	if (r < 0)
		return err_set_errno(err, r, "cannot listen at '%s'", config->socket);
	pid = fork();
	if (pid == 0)
		serve(config, listener);
	process = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (process < 0)
		return err_set_errno(err, -errno, "cannot serve '%s'", config->socket);
	*ret_process = process;
	return 0;
}

void docker_stop(int process)
{
	struct pollfd set = { .fd = process, .events = POLLIN };

	if (process >= 0 && syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0) == 0)
		(void)poll(&set, 1, STOP_MS);
}
