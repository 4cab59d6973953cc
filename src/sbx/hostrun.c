#include "sbx/hostrun.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"

enum { EXTRA_FD = 3, GRACE_MS = 5000, STATUS_TIMED_OUT = 124, STATUS_SIGNAL = 128 };

/* -1 without a text: then there is no file. */
static int open_text(const char *text, int *ret)
{
	int fd = text == NULL ? -1 : fd_from_bytes(text, strlen(text));

	if (text != NULL && fd < 0)
		return fd;
	*ret = fd;
	return 0;
}

/* The environment of this process, and the variables in place of those of the same name. */
static const char **make_environment(const char *const *variables)
{
	size_t count = 0, more = 0;
	const char **all;

	while (environ[count] != NULL)
		count++;
	while (variables != NULL && variables[more] != NULL)
		more++;
	all = calloc(count + more + 1, sizeof(*all));
	if (all == NULL)
		return NULL;
	for (size_t i = 0; i < more; i++)
		all[i] = variables[i];
	for (size_t i = 0, to = more; i < count; i++) {
		size_t len = strcspn(environ[i], "=") + 1;
		size_t j = 0;

		while (j < more && strncmp(variables[j], environ[i], len) != 0)
			j++;
		if (j == more)
			all[to++] = environ[i];
	}
	return all;
}

static int set_actions(posix_spawn_file_actions_t *actions, const struct hostrun *what, int input,
		       int extra)
{
	int r = what->folder == NULL ? 0
				     : posix_spawn_file_actions_addchdir_np(actions, what->folder);

	if (r == 0 && input >= 0)
		r = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);
	if (r == 0 && extra >= 0)
		r = posix_spawn_file_actions_adddup2(actions, extra, EXTRA_FD);
	return r;
}

static int spawn(const struct hostrun *what, int input, int extra, pid_t *ret_pid)
{
	autofree const char **variables = make_environment(what->variables);
	const char *program = what->program != NULL ? what->program : what->command[0];
	posix_spawn_file_actions_t actions;
	int r;

	if (variables == NULL || posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	r = set_actions(&actions, what, input, extra);
	if (r == 0)
		r = posix_spawnp(ret_pid, program, &actions, NULL,
				 (char *const *)(uintptr_t)what->command,
				 (char *const *)(uintptr_t)variables);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* True when the process ended before its time was up. */
static bool await_end(pid_t pid, uint64_t deadline_ms)
{
	autoclose int process = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ready = { .fd = process, .events = POLLIN };
	int r = 0;

	while (process >= 0 && clock_left_ms(deadline_ms) > 0 &&
	       (r = poll(&ready, 1, clock_left_ms(deadline_ms))) < 0 && errno == EINTR)
		;
	return process < 0 || r > 0;
}

static int reap(pid_t pid, uint64_t timeout_s)
{
	bool in_time = timeout_s == 0 || await_end(pid, clock_now_ms() + timeout_s * 1000);
	int status = 0;

	if (!in_time) {
		(void)kill(pid, SIGTERM);
		if (!await_end(pid, clock_now_ms() + GRACE_MS))
			(void)kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!in_time)
		return STATUS_TIMED_OUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status);
}

int hostrun(const struct hostrun *what, struct err *err)
{
	autoclose int input = -1, extra = -1;
	pid_t pid;
	int r = open_text(what->input, &input);

	if (r == 0)
		r = open_text(what->extra, &extra);
	if (r == 0)
		r = spawn(what, input, extra, &pid);
	if (r < 0)
		return err_set_errno(err, r, "cannot run '%s'", what->command[0]);
	return reap(pid, what->timeout_s);
}
