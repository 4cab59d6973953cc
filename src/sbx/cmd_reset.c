#include "sbx/commands.h"

#include <stdio.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/report.h"

struct reset_options {
	bool force;
};

static const struct option rows[] = {
	REPORT_FORCE_ROW(struct reset_options, force),
	{ .name = NULL },
};

static int run(const struct invocation *invocation, struct err *err)
{
	const struct reset_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	json_t *result, *name;
	size_t i;
	int r;

	r = report_confirm(options->force,
			   "Remove every sandbox, all settings and state, and stop the daemon?",
			   err);
	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	r = client_stream(&client, "POST", "/daemon/reset", NULL, &result, err);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(result, "removed"), i, name)
	{
		(void)fputs("Sandbox '", stdout);
		(void)terminal_print_safe(stdout, json_string_value(name));
		(void)puts("' removed");
	}
	json_decref(result);
	(void)puts("Everything is as after installation");
	return 0;
}

const struct command cmd_reset = {
	.name = "reset",
	.summary = "Remove every sandbox and all state, and stop the daemon",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct reset_options),
	.run = run,
};
