#include "sbx-init/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbx-init/environ.h"

enum {
	LISTEN_FD = 3, /* where the protocol of LISTEN_FDS wants the first socket */
	STOP_MS = 4000,
	FAILED = 127,
	ATTEMPTS = 2,
};

/*
 * In the root of the hierarchy, where all else runs, there are no limits to be found:
 * dockerd would take the machine for one that cannot limit memory and swap.
 */
static void enter_cgroup(const char *path)
{
	autoclose int dir = -1, procs = -1;

	(void)mkdir(path, 0755);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (procs >= 0)
		(void)fd_write_full(procs, "0", 1);
}

static int make_environ(const struct docker_config *config, struct environ *env)
{
	char pid[16];
	int r = environ_put(env, "PATH", ENVIRON_PATH);

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (r == 0)
		r = environ_put(env, "HOME", "/root");
	if (r == 0)
		r = environ_add_setup(env, config->run);
	if (r == 0)
		r = environ_put(env, "LISTEN_FDS", "1");
	return r < 0 ? r : environ_put(env, "LISTEN_PID", pid);
}

/* Gives the next program these streams and the socket; all else is close-on-exec. */
static int arrange_fds(const char *log, int listener)
{
	int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int output = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);

	if (input < 0 || output < 0 || dup2(input, STDIN_FILENO) < 0 ||
	    dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
		return -errno;
	if (listener == LISTEN_FD)
		return fd_set_cloexec(listener, false);
	return dup2(listener, LISTEN_FD) < 0 ? -errno : 0;
}

static _Noreturn void become_engine(const struct docker_config *config, int listener)
{
	struct environ env;
	sigset_t none;

	environ_init(&env);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setsid();
	if (config->cgroup != NULL)
		enter_cgroup(config->cgroup);
	if (make_environ(config, &env) == 0 && arrange_fds(config->log, listener) == 0)
		(void)execve(config->args[0], config->args, env.lines);
	_exit(FAILED);
}

/* Waits for its end, which is ours too when we are asked to end; whether it ended well. */
static bool outlive(pid_t engine, const sigset_t *signals)
{
	bool is_end = false;
	int status = -1;

	while (waitpid(engine, &status, WNOHANG) == 0) {
		if (sigwaitinfo(signals, NULL) != SIGTERM)
			continue;
		is_end = true;
		(void)kill(engine, SIGTERM);
	}
	if (is_end)
		_exit(EXIT_SUCCESS);
	return status == 0;
}

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

/*
 * dockerd gives containerd 15 s to begin and fails when it takes longer, as it may at the first
 * start on a slow machine: what had to be read from disk for that is in memory at the second.
 */
static bool run_engine(const struct docker_config *config, int listener, const sigset_t *signals)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		pid_t engine = fork();

		if (engine == 0)
			become_engine(config, listener);
		if (engine > 0 && outlive(engine, signals))
			return true;
	}
	return false;
}

static _Noreturn void serve(const struct docker_config *config, int listener)
{
	struct pollfd set = { .fd = listener, .events = POLLIN };
	sigset_t signals, idle;

	(void)prctl(PR_SET_NAME, "docker-socket", 0, 0, 0);
	(void)sigemptyset(&idle);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGCHLD);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigprocmask(SIG_SETMASK, &signals, NULL);
	for (;;) {
		/* SIGTERM ends us here, where nothing is to be stopped. */
		if (ppoll(&set, 1, NULL, &idle) < 0)
			continue;
		if (!run_engine(config, listener, &signals))
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
	if (access(config->args[0], X_OK) < 0)
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
