#include "sbx/commands.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/session.h"
#include "wire/guest.h"

struct logs_options {
	bool follow, console;
};

static const struct option rows[] = {
	{ .name = "follow",
	  .letter = 'f',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct logs_options, follow),
	  .help = "go on until the command ends" },
	{ .name = "console",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct logs_options, console),
	  .help = "show what the sandbox's kernel and init printed instead" },
	{ .name = NULL },
};

/* The kernel's text came from the guest: on a terminal only its lines pass. */
static void print_console(char *text)
{
	char *line;

	if (isatty(STDOUT_FILENO) != 1) {
		(void)fputs(text, stdout);
		return;
	}
	while ((line = strsep(&text, "\n")) != NULL) {
		size_t len = strlen(line);

		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (*line == '\0' && text == NULL)
			break;
		(void)terminal_print_safe(stdout, line);
		(void)putchar('\n');
	}
}

static int show_console(struct client *client, const char *name, struct err *err)
{
	autofree char *path = client_path(name, "/console?bytes=1048576");
	autofree char *text = NULL;
	int r;

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = client_call_text(client, path, &text, err);
	if (r == 0)
		print_console(text);
	return r;
}

static int show_output(struct client *client, const char *name, const char *id, bool follow,
		       struct err *err)
{
	const struct guest_message request = { .type = GUEST_LOGS,
					       .name = (char *)(uintptr_t)id,
					       .flags = follow ? GUEST_FLAG_FOLLOW : 0 };
	autoclose int socket = -1;
	int status, r;

	r = client_attach(client, name, &socket, err);
	if (r < 0)
		return r;
	r = session_run(&(struct session_config){ .socket = socket,
						  .request = &request,
						  .in = -1,
						  .out = STDOUT_FILENO,
						  .err = STDERR_FILENO,
						  .terminal = -1 },
			&status, err);
	return r < 0 ? r : status;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct logs_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	int r = client_init(&client, invocation, err);

	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	if (options->console)
		return show_console(&client, invocation->args[0], err);
	return show_output(&client, invocation->args[0], invocation->args[1], options->follow, err);
}

const struct command cmd_logs = {
	.name = "logs",
	.summary = "Show the output of commands run by 'exec -d'",
	.arguments = "SANDBOX [ID]",
	.description = "Without an ID it is the newest command. Its errors go to stderr.",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct logs_options),
	.least = 1,
	.most = 2,
	.first = COMPLETE_SANDBOX,
	.run = run,
};
