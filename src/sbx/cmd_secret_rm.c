#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/secrets.h"

struct rm_options {
	const char *sandbox, *registry, *host, *env, *placeholder;
	bool all, all_sandboxes, global, force;
};

static const struct option rows[] = {
	{ .name = "sandbox",
	  .kind = OPTION_STRING,
	  .argument = "SANDBOX",
	  .complete = COMPLETE_SANDBOX,
	  .offset = offsetof(struct rm_options, sandbox),
	  .help = "the one of this sandbox, not that of all" },
	{ .name = "all",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct rm_options, all),
	  .help = "all of the scope" },
	{ .name = "registry",
	  .kind = OPTION_STRING,
	  .argument = "HOST",
	  .offset = offsetof(struct rm_options, registry),
	  .help = "the login to this registry" },
	{ .name = "all-sandboxes",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct rm_options, all_sandboxes),
	  .help = "in whatever scope it is" },
	REPORT_FORCE_ROW(struct rm_options, force),
	{ .name = "host",
	  .kind = OPTION_STRING,
	  .argument = "HOST",
	  .hidden = true,
	  .offset = offsetof(struct rm_options, host),
	  .help = "custom secrets for this host" },
	{ .name = "env",
	  .kind = OPTION_STRING,
	  .argument = "NAME",
	  .hidden = true,
	  .offset = offsetof(struct rm_options, env),
	  .help = "the custom secret of this variable" },
	{ .name = "placeholder",
	  .kind = OPTION_STRING,
	  .argument = "TEXT",
	  .hidden = true,
	  .offset = offsetof(struct rm_options, placeholder),
	  .help = "the custom secret with this placeholder" },
	{ .name = "global",
	  .letter = 'g',
	  .kind = OPTION_FLAG,
	  .hidden = true,
	  .offset = offsetof(struct rm_options, global),
	  .help = "that of all sandboxes, which is the default" },
	{ .name = NULL },
};

static json_t *make_selector(const struct rm_options *options, const char *service,
			     const char *sandbox)
{
	const char *type = NULL, *name = NULL;

	if (service != NULL) {
		type = "service";
		name = service;
	} else if (options->registry != NULL) {
		type = "registry";
		name = options->registry;
	} else if (!options->all) {
		type = "custom";
		name = options->env;
	}
	return json_pack("{ss* ss* ss* ss* ss* sb}", "type", type, "name", name, "sandbox", sandbox,
			 "host", options->host, "placeholder", options->placeholder, "any_scope",
			 options->all_sandboxes);
}

static int check(const struct rm_options *options, const char *service, struct err *err)
{
	bool is_custom =
		options->host != NULL || options->env != NULL || options->placeholder != NULL;

	if ((service != NULL) + (options->registry != NULL) + is_custom + options->all != 1)
		return err_set(err, -EINVAL,
			       "name a service, or say --registry HOST, --env NAME or --all");
	return 0;
}

static void print_removed(const json_t *answer)
{
	const json_t *removed = json_object_get(answer, "removed");

	for (size_t i = 0; i < json_array_size(removed); i++) {
		const json_t *entry = json_array_get(removed, i);
		const char *scope = json_string_value(json_object_get(entry, "scope"));

		(void)fputs("Removed secret ", stdout);
		(void)terminal_print_safe(stdout, sandbox_text(entry, "name"));
		(void)printf(" (scope: %s)\n", scope != NULL ? scope : "global");
	}
	secrets_print_applied(answer);
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct rm_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	const char *service =
		invocation->count > 0 ? invocation->args[invocation->count - 1] : NULL;
	const char *sandbox = options->sandbox;
	json_t *body, *answer = NULL;
	int r = check(options, service, err);

	if (r == 0 && invocation->count == 2) {
		secrets_warn_older("a sandbox as an argument", "--sandbox");
		sandbox = invocation->args[0];
	}
	if (r == 0 && options->global)
		secrets_warn_older("-g", "nothing: it is the default");
	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r == 0)
		r = report_confirm(options->force, "Delete selected secret?", err);
	if (r < 0)
		return r;
	body = make_selector(options, service, sandbox);
	r = client_call(&client, "POST", "/secret/remove", body, &answer, err);
	if (r == 0)
		print_removed(answer);
	json_decref(answer);
	json_decref(body);
	return r;
}

#define RM_COMMAND(command_name, command_alias, is_hidden)                                         \
	{                                                                                          \
		.name = command_name, .alias = command_alias, .hidden = is_hidden,                 \
		.summary = "Remove a secret", .description = "Running sandboxes lose it at once.", \
		.arguments = "[SERVICE]", .groups = { { .options = rows } },                       \
		.values_size = sizeof(struct rm_options), .most = 2, .first = COMPLETE_SERVICE,    \
		.run = run,                                                                        \
	}

const struct command cmd_secret_rm = RM_COMMAND("rm", "remove", false);
const struct command cmd_secret_delete = RM_COMMAND("delete", NULL, true);
const struct command cmd_secret_unset = RM_COMMAND("unset", NULL, true);
