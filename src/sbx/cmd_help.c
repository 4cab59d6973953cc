#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/help.h"
#include "app/man.h"
#include "app/terminal.h"
#include "base/err.h"

/* Walks down from the root as the words say. */
static int run_help(const struct invocation *invocation, struct err *err)
{
	struct invocation shown = { .path = { invocation->path[0] }, .depth = 1 };

	for (size_t i = 0; i < invocation->count; i++) {
		const struct command *command =
			command_find(shown.path[shown.depth - 1], invocation->args[i]);

		if (command == NULL || shown.depth == COMMAND_DEPTH_MAX)
			return err_set(err, -ENOENT, "there is no command '%s'; see: sbx help",
				       invocation->args[i]);
		shown.path[shown.depth++] = command;
	}
	shown.command = shown.path[shown.depth - 1];
	help_print(&shown, stdout, terminal_has_colour(STDOUT_FILENO));
	return 0;
}

const struct command cmd_help = {
	.name = "help",
	.summary = "Show the help of a command",
	.arguments = "[COMMAND...]",
	.most = COMMAND_DEPTH_MAX,
	.run = run_help,
};

static int run_man(const struct invocation *invocation, struct err *err)
{
	const struct man_config config = { .version = SBX_VERSION,
					   .root = invocation->path[0],
					   .sections = sbx_man_sections };
	const char *page = invocation->count > 0 ? invocation->args[0] : config.root->name;

	if (man_print(&config, page, stdout) < 0)
		return err_set(err, -ENOENT,
			       "there is no page '%s'; they are called sbx and "
			       "sbx-COMMAND",
			       page);
	return 0;
}

const struct command cmd_man = {
	.name = "man",
	.hidden = true,
	.summary = "Print a manual page in roff",
	.arguments = "[PAGE]",
	.examples = "sbx man sbx-run | man -l -\tread one that is not installed",
	.most = 1,
	.run = run_man,
};
