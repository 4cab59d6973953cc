#include "sbx-init/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "sbx-init/user.h"

enum { TTY_GROUP = 5, TTY_MODE = 0620 };

/* The command's ends of its streams; owned by the parent until the fork is done. */
struct ends {
	int in, out, err;
};

static void close_ends(struct ends *ends)
{
	cleanup_close(&ends->in);
	cleanup_close(&ends->out);
	cleanup_close(&ends->err);
}

/* The rest of the child's life, in which it can still speak for itself. */
static _Noreturn void fail(int status, int error, const char *what, const char *name)
{
	(void)dprintf(STDERR_FILENO, "sbx: cannot %s '%s': %s\n", what, name, strerror(error));
	_exit(status);
}

static void enter_folder(const struct command_config *config)
{
	if (config->cwd != NULL) {
		if (chdir(config->cwd) < 0)
			fail(COMMAND_NOT_RUN, errno, "enter the folder", config->cwd);
	} else if (chdir(config->user->home) < 0 && chdir("/") < 0) {
		fail(COMMAND_NOT_RUN, errno, "enter the folder", "/");
	}
}

static void reset_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run_child(const struct command_config *config, const struct ends *ends)
{
	int r;

	(void)setsid();
	reset_signals();
	if (dup2(ends->in, STDIN_FILENO) < 0 || dup2(ends->out, STDOUT_FILENO) < 0 ||
	    dup2(ends->err, STDERR_FILENO) < 0)
		_exit(COMMAND_NOT_RUN);
	if (config->tty && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		fail(COMMAND_NOT_RUN, errno, "take the terminal for", config->args[0]);
	r = user_become(config->user);
	if (r < 0)
		fail(COMMAND_NOT_RUN, -r, "become the user", config->user->name);
	(void)umask(022);
	enter_folder(config);
	environ = (char **)(uintptr_t)config->env;
	(void)execvp(config->args[0], config->args);
	fail(errno == ENOENT ? COMMAND_NOT_FOUND : COMMAND_NOT_RUN, errno, "run", config->args[0]);
}

static int set_size(int fd, uint32_t rows, uint32_t columns)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	if (rows > UINT16_MAX || columns > UINT16_MAX)
		return -EINVAL;
	return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

/* A terminal: the command gets the slave three times, we keep the master twice. */
static int open_terminal(const struct command_config *config, struct command *ours,
			 struct ends *theirs)
{
	int unlock = 0;

	ours->output = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (ours->output < 0)
		return -errno;
	if (ioctl(ours->output, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	theirs->in = ioctl(ours->output, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (theirs->in < 0)
		return -errno;
	(void)fchown(theirs->in, config->user->uid, TTY_GROUP);
	(void)fchmod(theirs->in, TTY_MODE);
	ours->input = fcntl(ours->output, F_DUPFD_CLOEXEC, 0);
	theirs->out = fcntl(theirs->in, F_DUPFD_CLOEXEC, 0);
	theirs->err = fcntl(theirs->in, F_DUPFD_CLOEXEC, 0);
	if (ours->input < 0 || theirs->out < 0 || theirs->err < 0)
		return -errno;
	return config->rows > 0 ? set_size(ours->output, config->rows, config->columns) : 0;
}

/* One pipe; only our end does not block. */
static int open_pipe(int *ret_read, int *ret_write, bool we_read)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ret_read = ends[0];
	*ret_write = ends[1];
	return fd_set_nonblock(ends[we_read ? 0 : 1], true);
}

static int open_pipes(const struct command_config *config, struct command *ours,
		      struct ends *theirs)
{
	int r = 0;

	if (config->has_stdin)
		r = open_pipe(&theirs->in, &ours->input, false);
	else if ((theirs->in = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
		r = -errno;
	if (r == 0)
		r = open_pipe(&ours->output, &theirs->out, true);
	if (r == 0)
		r = open_pipe(&ours->errors, &theirs->err, true);
	return r;
}

static int fork_child(const struct command_config *config, const struct ends *theirs,
		      struct command *ours)
{
	ours->pid = fork();
	if (ours->pid < 0)
		return -errno;
	if (ours->pid == 0)
		run_child(config, theirs);
	ours->pidfd = (int)syscall(SYS_pidfd_open, ours->pid, 0);
	if (ours->pidfd < 0) {
		int r = -errno;

		(void)kill(ours->pid, SIGKILL);
		(void)command_wait(ours);
		return r;
	}
	return 0;
}

int command_start(const struct command_config *config, struct err *err, struct command *ret)
{
	struct command ours = { .pidfd = -1, .input = -1, .output = -1, .errors = -1 };
	autocall(close_ends) struct ends theirs = { -1, -1, -1 };
	int r;

	ours.tty = config->tty;
	r = config->tty ? open_terminal(config, &ours, &theirs)
			: open_pipes(config, &ours, &theirs);
	if (r == 0)
		r = fork_child(config, &theirs, &ours);
	if (r < 0) {
		command_finish(&ours);
		return err_set_errno(err, r, "cannot start '%.256s'", config->args[0]);
	}
	*ret = ours;
	return 0;
}

static void close_fd(int *fd)
{
	cleanup_close(fd);
	*fd = -1;
}

void command_finish(struct command *command)
{
	if (command == NULL)
		return;
	close_fd(&command->pidfd);
	close_fd(&command->input);
	close_fd(&command->output);
	close_fd(&command->errors);
}

int command_signal(const struct command *command, int signal)
{
	pid_t group = command->pid;

	if (signal < 1 || signal >= NSIG)
		return -EINVAL;
	if (command->tty && ioctl(command->output, TIOCGPGRP, &group) < 0)
		group = command->pid;
	/* 0 and 1 would be ourselves and everybody. */
	if (group <= 1)
		group = command->pid;
	if (kill(-group, signal) == 0)
		return 0;
	/* So early that the child does not lead its group yet. */
	return kill(command->pid, signal) < 0 ? -errno : 0;
}

int command_resize(const struct command *command, uint32_t rows, uint32_t columns)
{
	return command->tty ? set_size(command->output, rows, columns) : -ENOTTY;
}

int command_wait(const struct command *command)
{
	int status = 0;

	while (waitpid(command->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static bool ended_within(int pidfd, int timeout_ms)
{
	uint64_t deadline = clock_now_ms() + (uint64_t)timeout_ms;
	struct pollfd wait = { .fd = pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&wait, 1, clock_left_ms(deadline));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

void command_hang_up(struct command *command, int grace_ms)
{
	close_fd(&command->input);
	/* A terminal hangs up when its master is closed; a pipe stays, so that
	 * nobody dies of SIGPIPE on the way out. */
	if (command->tty)
		close_fd(&command->output);
	(void)kill(-command->pid, SIGHUP);
	(void)kill(-command->pid, SIGCONT);
	if (!ended_within(command->pidfd, grace_ms)) {
		(void)kill(-command->pid, SIGKILL);
		(void)kill(command->pid, SIGKILL);
	}
	(void)command_wait(command);
}
