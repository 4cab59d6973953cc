#include "sbx/commands.h"

#include <stdio.h>
#include <string.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/removal.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
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

/* Says which ones are gone, and takes away what is left of them; list: what there was. */
static void settle(const json_t *list, const json_t *removed)
{
	json_t *sandbox, *name;
	size_t i, j;

	json_array_foreach(removed, i, name)
	{
		(void)fputs("Sandbox '", stdout);
		(void)terminal_print_safe(stdout, json_string_value(name));
		(void)puts("' removed");
		json_array_foreach(list, j, sandbox)
		{
			if (strcmp(sandbox_text(sandbox, "name"), json_string_value(name)) == 0)
				removal_release(sandbox);
		}
	}
}

static int reset(struct client *client, bool preserve_secrets, struct err *err)
{
	json_t *body, *result, *list;
	int r = sandbox_list(client, &list, err);

	if (r < 0)
		return r;
	body = json_pack("{sb}", "preserve_secrets", preserve_secrets);
	r = client_stream(client, "POST", "/daemon/reset", body, &result, err);
	json_decref(body);
	if (r == 0) {
		settle(list, json_object_get(result, "removed"));
		json_decref(result);
	}
	json_decref(list);
	return r;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct reset_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
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
	r = reset(&client, options->preserve_secrets, err);
	if (r == 0)
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
