#include "app/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

enum { PROGRESS_DELAY_MS = 1000 };

/* Whether escape sequences are understood. */
static bool can_wipe(int fd)
{
	const char *term = getenv("TERM");

	return term != NULL && strcmp(term, "dumb") != 0 && isatty(fd) == 1;
}

bool terminal_has_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR");

	return (no_color == NULL || *no_color == '\0') && can_wipe(fd);
}

int terminal_size(int fd, uint32_t *ret_rows, uint32_t *ret_columns)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return -errno;
	if (size.ws_row == 0 || size.ws_col == 0)
		return -ENODATA;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
	return 0;
}

/* What the terminal was before; fd is -1 when there is nothing to bring back. */
static struct {
	volatile sig_atomic_t fd;
	struct termios mode;
	bool hooked; /* the exit hook and the handlers are in place */
} saved = { .fd = -1 };

void terminal_restore(void)
{
	int fd = saved.fd;

	if (fd < 0)
		return;
	saved.fd = -1;
	(void)tcsetattr(fd, TCSADRAIN, &saved.mode);
}

/* tcsetattr() is async-signal-safe. The signal then does what it would have done. */
static void restore_and_die(int number)
{
	terminal_restore();
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void hook_exits(void)
{
	static const int deadly[] = { SIGHUP,  SIGINT,	SIGQUIT, SIGTERM, SIGABRT,
				      SIGBUS,  SIGFPE,	SIGILL,	 SIGSEGV, SIGALRM,
				      SIGUSR1, SIGUSR2, SIGPIPE, SIGXCPU, SIGXFSZ };

	if (saved.hooked)
		return;
	saved.hooked = true;
	(void)atexit(terminal_restore);
	for (size_t i = 0; i < countof(deadly); i++) {
		struct sigaction before;
		struct sigaction action = { .sa_handler = restore_and_die };

		/* A handler that somebody else set up stays theirs. */
		if (sigaction(deadly[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			(void)sigaction(deadly[i], &action, NULL);
	}
}

int terminal_make_raw(int fd)
{
	struct termios raw;

	if (tcgetattr(fd, &saved.mode) < 0)
		return -errno;
	hook_exits();
	raw = saved.mode;
	cfmakeraw(&raw);
	saved.fd = fd;
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
		saved.fd = -1;
		return -errno;
	}
	return 0;
}

/* The bytes of the well-formed UTF-8 character (RFC 3629) at text, 0 when there is none. */
static size_t utf8_length(const unsigned char *text)
{
	size_t len = text[0] < 0x80   ? 1
		     : text[0] < 0xc2 ? 0
		     : text[0] < 0xe0 ? 2
		     : text[0] < 0xf0 ? 3
		     : text[0] < 0xf5 ? 4
				      : 0;

	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong forms, surrogates, and beyond U+10FFFF. */
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return len;
}

/* U+202A..U+202E and U+2066..U+2069 turn the direction of text: they can disguise a name. */
static bool is_direction(const unsigned char *text)
{
	return text[0] == 0xe2 && ((text[1] == 0x80 && text[2] >= 0xaa && text[2] <= 0xae) ||
				   (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9));
}

/* The length of the next character when it may be printed as it is, else 0. */
static size_t printable_length(const unsigned char *text)
{
	size_t len = utf8_length(text);

	if (len == 1 && (text[0] < 0x20 || text[0] == 0x7f))
		return 0;
	if (len == 2 && text[0] == 0xc2 && text[1] < 0xa0)
		return 0;
	if (len == 3 && is_direction(text))
		return 0;
	return len;
}

/* to may be NULL: then it only counts. */
static size_t walk_safe(FILE *to, const char *text)
{
	const unsigned char *cursor = (const unsigned char *)text;
	size_t columns = 0;

	while (*cursor != '\0') {
		size_t len = printable_length(cursor);

		if (to != NULL && len > 0)
			(void)fwrite(cursor, 1, len, to);
		else if (to != NULL)
			(void)fprintf(to, "\\x%02x", *cursor);
		columns += len > 0 ? 1 : 4;
		cursor += len > 0 ? len : 1;
	}
	return columns;
}

size_t terminal_print_safe(FILE *to, const char *text)
{
	return walk_safe(to, text);
}

size_t terminal_safe_width(const char *text)
{
	return walk_safe(NULL, text);
}

void progress_init(struct progress *progress, bool quiet)
{
	*progress = (struct progress){ .quiet = quiet, .terminal = can_wipe(STDERR_FILENO) };
}

static void wipe(struct progress *progress)
{
	if (progress->shown && progress->terminal)
		(void)fputs("\r\x1b[K", stderr);
	progress->shown = false;
}

void progress_step(struct progress *progress, const char *text)
{
	wipe(progress);
	(void)snprintf(progress->text, sizeof(progress->text), "%s", text);
	progress->started_ms = clock_now_ms();
}

static void draw(struct progress *progress)
{
	static const char frames[] = "|/-\\";

	(void)fputs("\r\x1b[K", stderr);
	(void)fprintf(stderr, "%c ", frames[progress->frame++ % (sizeof(frames) - 1)]);
	(void)terminal_print_safe(stderr, progress->text);
	(void)fflush(stderr);
}

void progress_tick(struct progress *progress)
{
	if (progress->quiet || progress->text[0] == '\0' ||
	    clock_now_ms() < progress->started_ms + PROGRESS_DELAY_MS)
		return;
	if (progress->terminal) {
		draw(progress);
	} else if (!progress->shown) {
		(void)terminal_print_safe(stderr, progress->text);
		(void)fputc('\n', stderr);
	}
	progress->shown = true;
}

void progress_finish(struct progress *progress)
{
	wipe(progress);
	(void)fflush(stderr);
	progress->text[0] = '\0';
}
