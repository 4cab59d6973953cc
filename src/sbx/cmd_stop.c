#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/report.h"

struct stop_options {
	uint64_t timeout;
};

static const struct option rows[] = {
	{ .name = "timeout",
	  .letter = 't',
	  .kind = OPTION_DURATION,
	  .argument = "TIME",
	  .offset = offsetof(struct stop_options, timeout),
	  .help = "how long it may take to shut down before it is ended\n(default: 10s)" },
	{ .name = NULL },
};

static int stop_one(struct client *client, const char *name, uint64_t timeout, struct err *err)
{
	autofree char *path = client_path(name, "/stop");
	json_t *body = timeout > 0 ? json_pack("{s:I}", "timeout", (json_int_t)timeout) : NULL;
	int r;

	if (path == NULL || (timeout > 0 && body == NULL))
		r = err_set(err, -ENOMEM, "out of memory");
	else
		r = client_stream(client, "POST", path, body, NULL, err);
	json_decref(body);
	if (r == 0)
		(void)printf(
			"Sandbox '%s' stopped; state preserved. Restart with: sbx run --name "
			"%s\n",
			name, name);
	return r;
}

/* Every one is tried; each failure is told, the last one by the caller. */
static int run(const struct invocation *invocation, struct err *err)
{
	const struct stop_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	int failed = client_init(&client, invocation, err);

	if (failed < 0)
		return failed;
	progress_init(&progress, false);
	client.progress = &progress;
	for (size_t i = 0; i < invocation->count; i++) {
		struct err own = ERR_INIT;

		progress_step(&progress, "Stopping");
		if (stop_one(&client, invocation->args[i], options->timeout, &own) == 0)
			continue;
		report_error(&own);
		failed = EXIT_FAILURE;
	}
	return failed;
}

const struct command cmd_stop = {
	.name = "stop",
	.summary = "Stop sandboxes, their state is kept",
	.arguments = "SANDBOX...",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct stop_options),
	.least = 1,
	.most = ARGUMENTS_MANY,
	.first = COMPLETE_SANDBOX,
	.rest = COMPLETE_SANDBOX,
	.run = run,
};
