#include "sbx/commands.h"

#include <stdio.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/report.h"
#include "sbx/settings.h"

struct reset_options {
	bool force, preserve_secrets;
};

static const struct option rows[] = {
	REPORT_FORCE_ROW(struct reset_options, force),
	{ .name = "preserve-secrets",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct reset_options, preserve_secrets),
	  .help = "keep the vault" },
	{ .name = NULL },
};

static int run(const struct invocation *invocation, struct err *err)
{
	const struct reset_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	json_t *body, *result, *name;
	size_t i;
	int r;

	r = report_confirm(options->force,
			   options->preserve_secrets
				   ? "Remove every sandbox, all settings and state but the "
				     "secrets, and stop the daemon?"
				   : "Remove every sandbox, all secrets, settings and state, and "
				     "stop the daemon?",
			   err);
	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	body = json_pack("{sb}", "preserve_secrets", options->preserve_secrets);
	r = client_stream(&client, "POST", "/daemon/reset", body, &result, err);
	json_decref(body);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(result, "removed"), i, name)
	{
		(void)fputs("Sandbox '", stdout);
		(void)terminal_print_safe(stdout, json_string_value(name));
		(void)puts("' removed");
	}
	json_decref(result);
	r = settings_forget(err);
	if (r == 0)
		(void)printf("Everything is as after installation%s\n",
			     options->preserve_secrets ? ", but for the secrets" : "");
	return r;
}

const struct command cmd_reset = {
	.name = "reset",
	.summary = "Remove every sandbox and all state, and stop the daemon",
	.description =
		"Also the policy, templates, secrets, settings, and what was agreed to.\n"
		"The audit file stays.",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct reset_options),
	.run = run,
};
