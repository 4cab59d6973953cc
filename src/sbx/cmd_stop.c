#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"
#include "sbx/client.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

struct stop_options {
	const char *timeout; /* NULL: not said; no time at all is a wish, too */
};

static const struct option rows[] = {
	{ .name = "timeout",
	  .letter = 't',
	  .kind = OPTION_STRING,
	  .argument = "TIME",
	  .offset = offsetof(struct stop_options, timeout),
	  .help = "how long it may take to shut down before it is ended\n(default: 10s)" },
	{ .name = NULL },
};

static int parse_timeout(const char *text, int64_t *ret, struct err *err)
{
	uint64_t seconds;

	*ret = SANDBOX_STOP_DEFAULT;
	if (text == NULL)
		return 0;
	if (parse_duration(text, &seconds) < 0 || seconds > INT64_MAX)
		return err_set(err, -ERANGE, "--timeout takes a time span like 30s or 2h, not '%s'",
			       text);
	*ret = (int64_t)seconds;
	return 0;
}

static int stop_one(struct client *client, const char *name, int64_t timeout_s, struct err *err)
{
	int r = sandbox_stop(client, name, timeout_s, err);

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
	int64_t timeout_s;
	int failed = parse_timeout(options->timeout, &timeout_s, err);

	if (failed == 0)
		failed = client_init(&client, invocation, err);
	if (failed < 0)
		return failed;
	progress_init(&progress, false);
	client.progress = &progress;
	for (size_t i = 0; i < invocation->count; i++) {
		struct err own = ERR_INIT;

		progress_step(&progress, "Stopping");
		if (stop_one(&client, invocation->args[i], timeout_s, &own) == 0)
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
