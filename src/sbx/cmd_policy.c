#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/commands.h"
#include "sbx/format.h"
#include "sbx/policy.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

static int run_init(const struct invocation *invocation, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	const char *preset = invocation->count > 0 ? invocation->args[0] : NULL;
	int r = 0;

	if (preset == NULL)
		r = policy_ask_preset(&preset, err);
	if (r == 0 && preset == NULL)
		r = err_set(err, -ECANCELED, "no policy was chosen");
	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r == 0)
		r = policy_choose(&client, preset, err);
	if (r == 0)
		(void)printf("Default policy set: %s\n", preset);
	return r;
}

static const struct command init = {
	.name = "init",
	.alias = "set-default",
	.summary = "Choose what sandboxes may reach unless they are told otherwise",
	.arguments = "[PRESET]",
	.description =
		"open\tevery public host\n"
		"balanced\tAI services, package managers, code hosts, clouds, and nothing else\n"
		"locked-down\tnothing but the rules that you add\n"
		"\n"
		"Older names are allow-all and deny-all. It is chosen once; see: sbx policy reset",
	.most = 1,
	.first = COMPLETE_PRESET,
	.run = run_init,
};

struct reset_options {
	bool force;
};

static const struct option reset_rows[] = {
	REPORT_FORCE_ROW(struct reset_options, force),
	{ .name = NULL },
};

static int run_reset(const struct invocation *invocation, struct err *err)
{
	const struct reset_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	int r = report_confirm(options->force, "Forget the network policy and all rules?", err);

	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r == 0)
		r = client_call(&client, "POST", "/policy/reset", NULL, NULL, err);
	if (r == 0)
		(void)puts("Policies were reset; choose one with: sbx policy init balanced");
	return r;
}

static const struct command reset = {
	.name = "reset",
	.summary = "Forget the chosen preset and all rules",
	.description =
		"Sandboxes keep a policy that they were made with by --policy. Until another "
		"preset "
		"is\n"
		"chosen nothing is allowed.",
	.groups = { { .options = reset_rows } },
	.values_size = sizeof(struct reset_options),
	.run = run_reset,
};

struct profile_options {
	struct format_options format;
};

static int print_profiles(const json_t *answer, struct err *err)
{
	static const char *const header[] = { "PROFILE", "RULES", "RESOURCES" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *profile;
	size_t i;
	int r;

	columns_init(&columns, 3);
	r = columns_add(&columns, header);
	json_array_foreach(json_object_get(answer, "profiles"), i, profile)
	{
		char rules[24], resources[24];
		const char *const row[] = { sandbox_text(profile, "name"), rules, resources };

		(void)snprintf(rules, sizeof(rules), "%lld",
			       (long long)json_integer_value(json_object_get(profile, "rules")));
		(void)snprintf(
			resources, sizeof(resources), "%lld",
			(long long)json_integer_value(json_object_get(profile, "resources")));
		r |= columns_add(&columns, row);
	}
	if (r < 0)
		return err_set(err, -ENOMEM, "out of memory");
	columns_print(&columns, stdout);
	return 0;
}

static int run_profiles(const struct invocation *invocation, struct err *err)
{
	const struct profile_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *answer;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = client_call(&client, "GET", "/policy/profiles", NULL, &answer, err);
	if (r < 0)
		return r;
	r = format_is_document(&options->format) ? format_print(&options->format, answer, err)
						 : print_profiles(answer, err);
	json_decref(answer);
	return r;
}

static const struct command profile_ls = {
	.name = "ls",
	.alias = "list",
	.summary = "List the presets",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct profile_options),
	.run = run_profiles,
};

static const struct command *const profile_commands[] = { &profile_ls, NULL };

static const struct command profile = {
	.name = "profile",
	.summary = "What presets there are",
	.commands = profile_commands,
};

static const struct command *const commands[] = {
	&init,	       &policy_allow,	&policy_deny, &policy_rm,	&policy_ls, &policy_inspect,
	&policy_check, &policy_explain, &policy_log,  &policy_approval, &profile,   &reset,
	NULL,
};

const struct command cmd_policy = {
	.name = "policy",
	.section = "Network and records",
	.summary = "What sandboxes may reach on the network",
	.description =
		"A deny rule of any origin wins; else any allow rule admits; else it is denied. "
		"Rules act\n"
		"at once, on open connections too.\n"
		"\n"
		"A RESOURCE is a host (example.com), any host below one (**.example.com), one "
		"label "
		"below\n"
		"(*.example.com), an address or a network (10.0.0.0/8), each with a :PORT if you "
		"like, or\n"
		"** for every public host. This machine is localhost, reached as "
		"host.docker.internal.",
	.examples =
		"sbx policy allow **.example.com:443\tfor all sandboxes\n"
		"sbx policy deny --sandbox demo example.com\tfor one\n"
		"sbx policy log\twhat was tried",
	.commands = commands,
};
