#include "sbx/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/home.h"
#include "app/terminal.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

enum { START_TIMEOUT_MS = 20000, OUTPUT_MAX = 4096 };

/* "sbx", or "sbx-ID" for another instance. */
static char *instance_name(void)
{
	const char *id = getenv("SBX_APP_NAME");
	char *name = NULL;

	if (id == NULL || *id == '\0')
		return strdup("sbx");
	return asprintf(&name, "sbx-%s", id) < 0 ? NULL : name;
}

/* A variable that holds an absolute path; others are to be ignored (XDG base directories). */
static const char *absolute_from_env(const char *variable)
{
	const char *value = getenv(variable);

	return value != NULL && value[0] == '/' ? value : NULL;
}

char *daemon_socket_path(void)
{
	const char *runtime = absolute_from_env("XDG_RUNTIME_DIR");
	autofree char *name = instance_name();
	char *path = NULL;
	int n;

	if (name == NULL)
		return NULL;
	if (runtime != NULL)
		n = asprintf(&path, "%s/%s/sbxd.sock", runtime, name);
	else
		n = asprintf(&path, "/tmp/%s-%u/sbxd.sock", name, (unsigned)getuid());
	return n < 0 ? NULL : path;
}

char *daemon_log_path(void)
{
	const char *state = absolute_from_env("XDG_STATE_HOME");
	const char *home = home_folder();
	autofree char *name = instance_name();
	char *path = NULL;
	int n = -1;

	if (name == NULL)
		return NULL;
	if (state != NULL)
		n = asprintf(&path, "%s/%s/sbxd.log", state, name);
	else if (home != NULL)
		n = asprintf(&path, "%s/.local/state/%s/sbxd.log", home, name);
	return n < 0 ? NULL : path;
}

int daemon_check_peer(int socket, const char *path, struct err *err)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return err_set_errno(err, -errno, "cannot tell who listens on '%s'", path);
	if (peer.uid != 0 && peer.uid != geteuid())
		return err_set(err, -EPERM,
			       "'%s' belongs to another user (uid %u); remove it or set "
			       "XDG_RUNTIME_DIR to a folder of your own",
			       path, (unsigned)peer.uid);
	return 0;
}

/* sbxd beside this program: installed in one folder, or in the folders of a build. */
static int find_program(char ret[PATH_MAX], struct err *err)
{
	static const char *const places[] = { "sbxd", "../sbxd/sbxd" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return err_set_errno(err, -errno, "cannot find this program's own folder");
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return err_set(err, -ENOENT, "cannot find this program's own folder");
	*slash = '\0';
	for (size_t i = 0; i < countof(places); i++) {
		int len = snprintf(ret, PATH_MAX, "%s/%s", self, places[i]);

		if (len > 0 && len < PATH_MAX && access(ret, X_OK) == 0)
			return 0;
	}
	return err_set(err, -ENOENT,
		       "the daemon 'sbxd' is not beside sbx in '%s'; install it again", self);
}

/* What runs in the child; returns only as an exit. Output goes to the pipe, input is empty. */
static void exec_daemon(const char *program, const char *policy, int output)
{
	char *argv[] = { (char *)(uintptr_t) "sbxd", (char *)(uintptr_t) "--detach",
			 policy != NULL ? (char *)(uintptr_t) "--policy" : NULL,
			 (char *)(uintptr_t)policy, NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0)
		(void)dup2(null, STDIN_FILENO);
	(void)dup2(output, STDOUT_FILENO);
	(void)dup2(output, STDERR_FILENO);
	(void)execv(program, argv);
	_exit(127);
}

/* Reads what the child says until it is done or the deadline passes. */
static int collect_output(int fd, uint64_t deadline_ms, struct buf *output)
{
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		int n = poll(&poll_fd, 1, clock_left_ms(deadline_ms));
		void *to;
		ssize_t got;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
		to = buf_reserve(output, 256);
		if (to == NULL)
			return 0;
		got = read(fd, to, 256);
		if (got <= 0)
			return got < 0 ? -errno : 0;
		output->len += (size_t)got;
	}
}

/* Everything up to here without the newline at the end and "sbxd: " in front. */
static const char *sentence_of(struct buf *output)
{
	static const char prefix[] = "sbxd: ";
	const char *text;

	while (output->len > 0 && output->data[output->len - 1] == '\n')
		output->len--;
	text = buf_str(output);
	if (text == NULL || *text == '\0')
		return "it said nothing";
	return strncmp(text, prefix, sizeof(prefix) - 1) == 0 ? text + sizeof(prefix) - 1 : text;
}

static int wait_child(pid_t child, int r, struct buf *output, struct err *err)
{
	int status;

	if (r < 0)
		(void)kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return err_set_errno(err, -errno, "cannot wait for sbxd");
	}
	if (r == -ETIMEDOUT)
		return err_set(err, r, "sbxd did not start within %d s; see its log",
			       START_TIMEOUT_MS / 1000);
	if (r < 0)
		return err_set_errno(err, r, "cannot read what sbxd says");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, -EIO, "the daemon sbxd did not start: %s", sentence_of(output));
	return 0;
}

int daemon_become(const char *policy, struct err *err)
{
	char *argv[] = { (char *)(uintptr_t) "sbxd",
			 policy != NULL ? (char *)(uintptr_t) "--policy" : NULL,
			 (char *)(uintptr_t)policy, NULL };
	char program[PATH_MAX];
	int r = find_program(program, err);

	if (r < 0)
		return r;
	(void)execv(program, argv);
	return err_set_errno(err, -errno, "cannot run '%s'", program);
}

int daemon_start(bool quiet, const char *policy, struct err *err)
{
	autocall(buf_finish) struct buf output;
	char program[PATH_MAX];
	int pipe_fds[2];
	pid_t child;
	int r;

	buf_init(&output, OUTPUT_MAX);
	r = find_program(program, err);
	if (r < 0)
		return r;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_set_errno(err, -errno, "cannot make a pipe");
	if (!quiet)
		(void)fputs("Starting sandboxd daemon...\n", stderr);
	child = fork();
	if (child == 0)
		exec_daemon(program, policy, pipe_fds[1]);
	(void)close(pipe_fds[1]);
	if (child < 0) {
		r = err_set_errno(err, -errno, "cannot start sbxd");
	} else {
		r = collect_output(pipe_fds[0], clock_now_ms() + START_TIMEOUT_MS, &output);
		r = wait_child(child, r, &output, err);
	}
	(void)close(pipe_fds[0]);
	if (r == 0 && !quiet)
		(void)fprintf(stderr, "%s\n", sentence_of(&output));
	return r;
}
