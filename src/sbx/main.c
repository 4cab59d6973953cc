/*
 * sbx: understands its command line, does one thing, exits. Under the name
 * docker-sandbox it takes the older form of the commands, and as git-remote-sbx it
 * serves git.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/help.h"
#include "app/terminal.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbx/commands.h"
#include "sbx/report.h"

enum { EXIT_USAGE = 2, STATUS_SIGPIPE = 141 };

static const struct command *choose_root(const char *program)
{
	static const struct command *const others[] = { &older_root, &remote_root };
	const char *slash = strrchr(program, '/');
	const char *name = slash != NULL ? slash + 1 : program;

	for (size_t i = 0; i < countof(others); i++)
		if (strcmp(name, others[i]->name) == 0)
			return others[i];
	return &sbx_root;
}

/* A wrong form gets a hint where to read on; a wrong value has said all in its sentence. */
static int refuse(const struct invocation *invocation, const struct err *err)
{
	char path[128];

	report_error(err);
	if (err->code != -EINVAL)
		return EXIT_FAILURE;
	command_path(invocation, path, sizeof(path));
	(void)fprintf(stderr, "try: %s --help\n", path);
	return EXIT_USAGE;
}

/* A group of commands without a command: its help. Only the root's was asked for. */
static int show_help(const struct invocation *invocation)
{
	bool asked = invocation->globals.help || invocation->depth == 1;
	FILE *to = asked ? stdout : stderr;

	help_print(invocation, to, terminal_has_colour(fileno(to)));
	return asked ? EXIT_SUCCESS : EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	autocall(invocation_finish) struct invocation invocation;
	struct err err = ERR_INIT;
	int r = options_parse(choose_root(argv[0]), argc, argv, &invocation, &err);

	if (r < 0)
		return refuse(&invocation, &err);
	if (invocation.globals.app_name != NULL)
		(void)setenv("SBX_APP_NAME", invocation.globals.app_name, 1);
	if (invocation.globals.help || invocation.command->run == NULL)
		return show_help(&invocation);
	r = invocation.globals.cloud
		    ? err_set(&err, -ENOTSUP,
			      "sandboxes of this sbx run on this machine only; leave out --cloud")
		    : invocation.command->run(&invocation, &err);
	if (r >= 0)
		return r;
	report_error(&err);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	int status;

	fd_hold_standard();
	/* Several of us may write to one terminal or log: a line each, not pieces. */
	(void)setvbuf(stderr, NULL, _IOLBF, 0);
	status = run(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		if (errno == EPIPE)
			return STATUS_SIGPIPE;
		(void)fprintf(stderr, "ERROR: cannot write the output: %s\n", strerror(errno));
		return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
	}
	return status;
}
