#include "app/terminal.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "tests/unit/test.h"

TEST(hostile_text_is_made_harmless)
{
	static const struct {
		const char *text, *printed;
		size_t width;
	} cases[] = {
		{ "plain", "plain", 5 },
		{ "", "", 0 },
		{ "a\x1b[31mb", "a\\x1b[31mb", 10 },
		{ "line\nnext\r", "line\\x0anext\\x0d", 16 },
		{ "tab\there", "tab\\x09here", 11 },
		{ "\x7f", "\\x7f", 4 },
		{ "größe", "größe", 5 },
		{ "日本", "日本", 2 },
		{ "\xc2\x9b"
		  "1m",
		  "\\xc2\\x9b1m", 10 }, /* C1 CSI */
		{ "\xff\xfe", "\\xff\\xfe", 8 },
		{ "\xc0\x8a", "\\xc0\\x8a", 8 }, /* overlong newline */
		{ "\xe2\x80\xae"
		  "gnp",
		  "\\xe2\\x80\\xaegnp", 15 }, /* right-to-left override */
		{ "cut\xe2\x82", "cut\\xe2\\x82", 11 },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		autofree char *printed = NULL;
		size_t size, width;
		FILE *to = open_memstream(&printed, &size);

		CHECK(to != NULL);
		width = terminal_print_safe(to, cases[i].text);
		(void)fclose(to);
		CHECK_STR(printed, cases[i].printed);
		CHECK_EQ(width, cases[i].width);
		CHECK_EQ(terminal_safe_width(cases[i].text), cases[i].width);
	}
}

TEST(colour_needs_a_terminal_that_wants_it)
{
	int master, slave;

	CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
	(void)setenv("TERM", "xterm", 1);
	(void)unsetenv("NO_COLOR");
	CHECK(terminal_has_colour(slave));
	(void)setenv("NO_COLOR", "1", 1);
	CHECK(!terminal_has_colour(slave));
	(void)setenv("NO_COLOR", "", 1);
	CHECK(terminal_has_colour(slave));
	(void)setenv("TERM", "dumb", 1);
	CHECK(!terminal_has_colour(slave));
	(void)setenv("TERM", "xterm", 1);
	(void)close(slave);
	CHECK(!terminal_has_colour(slave));
	(void)close(master);
}

TEST(the_size_is_read)
{
	struct winsize size = { .ws_row = 7, .ws_col = 33 };
	uint32_t rows = 0, columns = 0;
	int master, slave, pipe_fds[2];

	CHECK_EQ(openpty(&master, &slave, NULL, NULL, &size), 0);
	CHECK_EQ(terminal_size(slave, &rows, &columns), 0);
	CHECK_EQ(rows, 7);
	CHECK_EQ(columns, 33);
	CHECK_EQ(pipe(pipe_fds), 0);
	CHECK(terminal_size(pipe_fds[0], &rows, &columns) < 0);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
	(void)close(master);
	(void)close(slave);
}

/* How the child ends after it made the terminal raw; 0: by returning from main. */
static void die_raw(int terminal, int signal_number)
{
	struct termios mode;

	if (signal_number != 0)
		(void)signal(signal_number, SIG_DFL); /* background jobs ignore SIGINT */
	if (terminal_make_raw(terminal) < 0 || tcgetattr(terminal, &mode) < 0)
		_exit(1);
	if ((mode.c_lflag & (ICANON | ECHO | ISIG)) != 0)
		_exit(2);
	if (signal_number != 0)
		(void)raise(signal_number);
	exit(0);
}

TEST(every_way_out_restores_the_terminal)
{
	static const int ways[] = { 0, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE };
	struct termios before, after;
	int master, slave;

	CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
	CHECK_EQ(tcgetattr(slave, &before), 0);
	CHECK((before.c_lflag & ECHO) != 0);
	for (size_t i = 0; i < countof(ways); i++) {
		pid_t child = fork();
		int status;

		if (child == 0)
			die_raw(slave, ways[i]);
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK_EQ(WIFSIGNALED(status) ? WTERMSIG(status) : 0, ways[i]);
		CHECK_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : 0, 0);
		CHECK_EQ(tcgetattr(slave, &after), 0);
		CHECK_EQ(after.c_lflag, before.c_lflag);
		CHECK_EQ(after.c_iflag, before.c_iflag);
		CHECK_EQ(after.c_oflag, before.c_oflag);
	}
	(void)close(master);
	(void)close(slave);
}

TEST(restore_without_raw_is_harmless)
{
	terminal_restore();
	CHECK(terminal_make_raw(-1) < 0);
	terminal_restore();
}

TEST(a_quick_step_prints_nothing)
{
	struct progress progress;
	int pipe_fds[2], saved;
	char byte;

	CHECK_EQ(pipe2(pipe_fds, O_NONBLOCK), 0);
	saved = dup(STDERR_FILENO);
	(void)dup2(pipe_fds[1], STDERR_FILENO);
	progress_init(&progress, false);
	progress_step(&progress, "one");
	progress.started_ms += 60000; /* however slow this machine is */
	progress_tick(&progress);
	progress_finish(&progress);
	CHECK(read(pipe_fds[0], &byte, 1) < 0);
	progress_step(&progress, "two");
	progress.started_ms -= 2000;
	progress_tick(&progress);
	progress_tick(&progress);
	progress_finish(&progress);
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	{
		char text[64] = "";

		CHECK_EQ(read(pipe_fds[0], text, sizeof(text) - 1), 4);
		CHECK_STR(text, "two\n");
	}
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
}

/* One that cannot wipe a line gets plain ones. */
TEST(a_dumb_terminal_gets_no_sequences)
{
	struct progress progress;
	char text[64] = "";
	int master, slave, saved;

	CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
	(void)setenv("TERM", "dumb", 1);
	saved = dup(STDERR_FILENO);
	(void)dup2(slave, STDERR_FILENO);
	progress_init(&progress, false);
	progress_step(&progress, "one");
	progress.started_ms -= 2000;
	progress_tick(&progress);
	progress_finish(&progress);
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	/* a terminal hands over what has come, in pieces */
	for (ssize_t n = 1; n > 0 && strlen(text) < 5;) {
		n = read(master, text + strlen(text), sizeof(text) - 1 - strlen(text));
		CHECK(n > 0);
	}
	CHECK_STR(text, "one\r\n");
	(void)close(master);
	(void)close(slave);
}

TEST_MAIN()
