#include "sbx/hidden.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/err.h"
#include "base/fd.h"

void hidden_protect(void)
{
	const struct rlimit none = { 0, 0 };

	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
}

/* Bytes up to the end of the line, or of the input when to_end. */
static ssize_t read_bytes(char *to, size_t room, int to_end)
{
	size_t len = 0;

	if (to_end)
		return fd_read_full(STDIN_FILENO, to, room);
	while (len < room) {
		ssize_t n = read(STDIN_FILENO, to + len, 1);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 || (n > 0 && to[len] == '\n'))
			break;
		len += n > 0;
	}
	return (ssize_t)len;
}

static ssize_t read_terminal(const char *prompt, char *to, size_t room)
{
	struct termios before, silent;
	ssize_t n;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return -errno;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	(void)terminal_print_safe(stderr, prompt);
	(void)fputs(": ", stderr);
	(void)fflush(stderr);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0)
		return -errno;
	n = read_bytes(to, room, 0);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	(void)fputc('\n', stderr);
	return n;
}

static size_t trim(char *text, size_t len)
{
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	text[len] = '\0';
	return len;
}

static int check(const char *text, size_t len, struct err *err)
{
	if (len == 0)
		return err_set(err, -ECANCELED, "nothing was given; nothing was changed");
	if (strlen(text) != len || strpbrk(text, "\r\n") != NULL)
		return err_set(err, -ERANGE, "a secret is one line");
	if (len > HIDDEN_MAX)
		return err_set(err, -ERANGE, "a secret has at most %d bytes", HIDDEN_MAX);
	return 0;
}

int hidden_read(const char *prompt, char **ret, struct err *err)
{
	size_t room = HIDDEN_MAX + 2;
	char *text = malloc(room + 1);
	ssize_t n;
	int r;

	if (text == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	n = isatty(STDIN_FILENO) == 1 ? read_terminal(prompt, text, room)
				      : read_bytes(text, room, 1);
	if (n < 0)
		r = err_set_errno(err, (int)n, "cannot read standard input");
	else
		r = check(text, trim(text, (size_t)n), err);
	if (r < 0) {
		explicit_bzero(text, room);
		free(text);
		return r;
	}
	*ret = text;
	return 0;
}

void hidden_free(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}
