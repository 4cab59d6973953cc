/*
 * Starting a command and holding its streams. The command leads a session
 * and a process group of its own. What keeps it from being started (not
 * found, not executable, no such folder) it says on its own standard error
 * and exits with 127 or 126, as a shell would.
 */
#ifndef SBX_INIT_COMMAND_H
#define SBX_INIT_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct user;

enum { COMMAND_NOT_FOUND = 127, COMMAND_NOT_RUN = 126 };

struct command_config {
	char *const *args;	 /* weak; at least one, NULL at the end */
	char *const *env;	 /* weak; lines "K=V", NULL at the end */
	const char *cwd;	 /* weak; NULL: the user's home, or "/" when that is missing */
	const struct user *user; /* weak */
	bool tty;
	bool has_stdin; /* without a terminal: a pipe; else /dev/null */
	uint32_t rows, columns;
};

/* A started command. Descriptors are owned, ours are non-blocking, -1 is closed. */
struct command {
	pid_t pid;
	int pidfd;  /* readable when the command ended */
	int input;  /* to its standard input; of a terminal: the master */
	int output; /* of its standard output; of a terminal: the master */
	int errors; /* of its standard error; -1 with a terminal */
	bool tty;
};

int command_start(const struct command_config *config, struct err *err, struct command *ret);

/* Closes what is open. The process is not touched. */
void command_finish(struct command *command);

/* To the foreground process group of the terminal, or the command's process group. -errno. */
int command_signal(const struct command *command, int signal);

int command_resize(const struct command *command, uint32_t rows, uint32_t columns);

/* Waits for the end; returns the status of waitpid(). */
int command_wait(const struct command *command);

/*
 * Ends it because nobody is there any more: hang up, and after grace_ms kill
 * the process group. Waits for the end.
 */
void command_hang_up(struct command *command, int grace_ms);

#endif
