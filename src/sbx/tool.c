#include "sbx/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/interrupt.h"

enum { CHUNK = 65536, WORDS_MAX = 512, STATUS_NO_PROGRAM = 127, LOOK_MS = 200 };

/* What a program says, as much of its end as fits into a sentence. */
struct words {
	char text[WORDS_MAX];
	size_t len;
};

static void keep_words(struct words *words, const char *bytes, size_t len)
{
	size_t drop;

	if (len >= WORDS_MAX) {
		bytes += len - (WORDS_MAX - 1);
		len = WORDS_MAX - 1;
	}
	drop = words->len + len < WORDS_MAX ? 0 : words->len + len - (WORDS_MAX - 1);
	memmove(words->text, words->text + drop, words->len - drop);
	words->len -= drop;
	memcpy(words->text + words->len, bytes, len);
	words->len += len;
	words->text[words->len] = '\0';
}

/* One line, without the end of the last one. */
static void flatten(struct words *words)
{
	while (words->len > 0 && words->text[words->len - 1] == '\n')
		words->text[--words->len] = '\0';
	for (char *at = words->text; *at != '\0'; at++)
		if (*at == '\n' || *at == '\r')
			*at = ' ';
}

/* In the child; returns only as an exit. */
static void become(const struct tool *tool, int output, int words)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(output >= 0 ? output : null, STDOUT_FILENO) < 0 || dup2(words, STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	for (const char *const *item = tool->environment; item != NULL && *item != NULL; item++)
		(void)putenv((char *)(uintptr_t)*item);
	(void)execvp(tool->argv[0], (char *const *)(uintptr_t)tool->argv);
	_exit(STATUS_NO_PROGRAM);
}

/* Until both ends are closed, or the callback has had enough. */
static int listen_to(const struct tool *tool, int output, int words_fd, struct words *words,
		     struct err *err)
{
	struct pollfd fds[2] = { { .fd = output, .events = POLLIN },
				 { .fd = words_fd, .events = POLLIN } };
	autofree char *chunk = malloc(CHUNK);

	if (chunk == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, LOOK_MS) < 0 && errno != EINTR)
			return err_set_errno(err, -errno, "cannot wait for %s", tool->argv[0]);
		if (interrupt_pending())
			return err_set(err, -EINTR, "interrupted");
		for (int i = 0; i < 2; i++) {
			ssize_t n = fds[i].fd >= 0 && fds[i].revents != 0
					    ? read(fds[i].fd, chunk, CHUNK)
					    : -1;
			int r = 0;

			if (n == 0)
				fds[i].fd = -1;
			else if (n > 0 && i == 1)
				keep_words(words, chunk, (size_t)n);
			else if (n > 0)
				r = tool->output(tool->context, chunk, (size_t)n, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int judge(const struct tool *tool, int status, struct words *words, struct err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_PROGRAM)
		return err_set(err, -ENOENT, "'%s' is not installed on this machine",
			       tool->argv[0]);
	flatten(words);
	return err_set(err, -EIO, "%s failed: %s", tool->argv[0], words->text);
}

int tool_run(const struct tool *tool, struct err *err)
{
	int output[2] = { -1, -1 }, words_pipe[2] = { -1, -1 }, status = 0, r = 0;
	struct words words = { .len = 0 };
	pid_t child = -1;

	if ((tool->output != NULL && pipe2(output, O_CLOEXEC) < 0) ||
	    pipe2(words_pipe, O_CLOEXEC) < 0)
		r = -errno;
	if (r == 0) {
		child = fork();
		if (child == 0)
			become(tool, output[1], words_pipe[1]);
		r = child < 0 ? -errno : 0;
	}
	cleanup_close(&output[1]);
	cleanup_close(&words_pipe[1]);
	if (r < 0)
		(void)err_set_errno(err, r, "cannot start %s", tool->argv[0]);
	else
		r = listen_to(tool, output[0], words_pipe[0], &words, err);
	cleanup_close(&output[0]);
	cleanup_close(&words_pipe[0]);
	if (r < 0 && child > 0)
		(void)kill(child, SIGTERM);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return r == 0 ? judge(tool, status, &words, err) : r;
}

int tool_make_folder(char **ret, struct err *err)
{
	const char *top = getenv("TMPDIR");
	char *path = NULL;

	if (asprintf(&path, "%s/sbx-kit-XXXXXX", top != NULL && top[0] == '/' ? top : "/tmp") < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (mkdtemp(path) == NULL) {
		int r = err_set_errno(err, -errno, "cannot make the folder '%s'", path);

		free(path);
		return r;
	}
	*ret = path;
	return 0;
}
