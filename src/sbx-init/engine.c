#include "sbx-init/engine.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "sbx-init/environ.h"

enum {
	LISTEN_FD = 3, /* where the protocol of LISTEN_FDS wants the first socket */
	NOTIFY_MAX = 4096,
	STOP_MS = 4000, /* for containerd, when dockerd has ended */
	FOREVER = -1,
	FAILED = 127,
};

struct engine {
	const struct engine_config *config;
	int listener, signals, log;
	int notify;			       /* what containerd says, to the end */
	char name[sizeof(struct sockaddr_un)]; /* of notify, as NOTIFY_SOCKET names it */
	pid_t runtime;			       /* 0: does not run */
	bool is_end;			       /* we were asked to end */
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

static int make_environ(const struct engine_config *config, struct environ *env)
{
	int r;

	environ_init(env);
	r = environ_put(env, "PATH", ENVIRON_PATH);
	if (r == 0)
		r = environ_put(env, "HOME", "/root");
	return r < 0 ? r : environ_add_setup(env, config->run);
}

/* All that is not given to the next program is close-on-exec. */
static bool arrange_streams(int log)
{
	int input = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0 &&
	       dup2(log, STDERR_FILENO) >= 0;
}

static void prepare(const struct engine *engine)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setsid();
	if (engine->config->cgroup != NULL)
		enter_cgroup(engine->config->cgroup);
}

static _Noreturn void become_runtime(const struct engine *engine)
{
	char *const *args = engine->config->runtime;
	struct environ env;

	prepare(engine);
	if (make_environ(engine->config, &env) == 0 &&
	    environ_put(&env, "NOTIFY_SOCKET", engine->name) == 0 && arrange_streams(engine->log))
		(void)execve(args[0], args, env.lines);
	_exit(FAILED);
}

static bool give_listener(int listener)
{
	if (listener == LISTEN_FD)
		return fd_set_cloexec(listener, false) == 0;
	return dup2(listener, LISTEN_FD) >= 0;
}

static _Noreturn void become_dockerd(const struct engine *engine)
{
	char *const *args = engine->config->args;
	struct environ env;
	char pid[16];

	prepare(engine);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (make_environ(engine->config, &env) == 0 && environ_put(&env, "LISTEN_FDS", "1") == 0 &&
	    environ_put(&env, "LISTEN_PID", pid) == 0 && arrange_streams(engine->log) &&
	    give_listener(engine->listener))
		(void)execve(args[0], args, env.lines);
	_exit(FAILED);
}

/* Waits for a signal, or for something at fd unless it is -1; *is_end stays true once it is. */
static void wait_for(struct engine *engine, int fd, int timeout_ms)
{
	struct pollfd set[] = { { .fd = engine->signals, .events = POLLIN },
				{ .fd = fd, .events = POLLIN } };
	struct signalfd_siginfo info;

	if (poll(set, 2, timeout_ms) <= 0 || set[0].revents == 0)
		return;
	while (read(engine->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGTERM)
			engine->is_end = true;
}

static bool has_ended(pid_t *pid, int *ret_status)
{
	if (*pid > 0 && waitpid(*pid, ret_status, WNOHANG) == 0)
		return false;
	*pid = 0;
	return true;
}

/* A socket at an address that the kernel chooses, which ret_name names as NOTIFY_SOCKET does. */
static int listen_for_ready(char *ret_name, size_t size)
{
	autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(address);
	size_t head = offsetof(struct sockaddr_un, sun_path) + 1;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0 || len < head)
		return -1;
	(void)snprintf(ret_name, size, "@%.*s", (int)(len - head), address.sun_path + 1);
	return take_fd(&fd);
}

/* Whether one of the messages that came has the line READY=1. */
static bool is_told_ready(int notify)
{
	char text[NOTIFY_MAX + 1];
	ssize_t len;

	while ((len = recv(notify, text, NOTIFY_MAX, 0)) > 0) {
		text[len] = '\0';
		for (char *next = text, *line; (line = strsep(&next, "\n")) != NULL;)
			if (strcmp(line, "READY=1") == 0)
				return true;
	}
	return false;
}

static void end_runtime(struct engine *engine)
{
	uint64_t deadline = clock_now_ms() + STOP_MS;
	int status;

	if (engine->runtime > 0)
		(void)kill(engine->runtime, SIGTERM);
	while (!has_ended(&engine->runtime, &status)) {
		int left_ms = clock_left_ms(deadline);

		if (left_ms == 0)
			(void)kill(engine->runtime, SIGKILL);
		wait_for(engine, -1, left_ms > 0 ? left_ms : FOREVER);
	}
}

/* Until it is ready; false when it ends before, takes too long, or we are asked to end. */
static bool begin_runtime(struct engine *engine)
{
	uint64_t deadline = clock_now_ms() + engine->config->runtime_ms;
	int status;

	engine->runtime = fork();
	if (engine->runtime == 0)
		become_runtime(engine);
	while (!is_told_ready(engine->notify)) {
		if (engine->is_end || has_ended(&engine->runtime, &status) ||
		    clock_left_ms(deadline) == 0)
			return false;
		wait_for(engine, engine->notify, clock_left_ms(deadline));
	}
	return true;
}

/* Whether containerd runs, a new one if need be; without one dockerd is of no use. */
static bool keep_runtime(struct engine *engine)
{
	int status;

	while (engine->config->runtime != NULL && has_ended(&engine->runtime, &status))
		if (!begin_runtime(engine))
			return false;
	return true;
}

static bool run_dockerd(struct engine *engine)
{
	pid_t dockerd = fork();
	bool is_asked = false;
	int status = -1;

	if (dockerd == 0)
		become_dockerd(engine);
	for (;;) {
		/* Once: asked again, it would end without stopping its containers. */
		if (!is_asked && (engine->is_end || !keep_runtime(engine))) {
			(void)kill(dockerd, SIGTERM);
			is_asked = true;
		}
		if (has_ended(&dockerd, &status))
			return status == 0;
		wait_for(engine, -1, FOREVER);
	}
}

bool engine_run(const struct engine_config *config, int listener, int signals)
{
	autoclose int log =
		open(config->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
	struct engine engine = {
		.config = config, .listener = listener, .signals = signals, .log = log
	};
	autoclose int notify = listen_for_ready(engine.name, sizeof(engine.name));
	bool is_well;

	engine.notify = notify;
	is_well = notify >= 0 && keep_runtime(&engine) && run_dockerd(&engine);
	end_runtime(&engine);
	if (engine.is_end)
		_exit(EXIT_SUCCESS);
	return is_well;
}
