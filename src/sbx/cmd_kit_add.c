/* sbx kit add: a mixin for a sandbox that is there. */
#include "sbx/cmd_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/addition.h"
#include "kit/asks.h"
#include "sbx/attach.h"
#include "sbx/client.h"
#include "sbx/env.h"
#include "sbx/kit_consent.h"
#include "sbx/kit_options.h"
#include "sbx/kit_read.h"
#include "sbx/sandbox.h"

static const struct option yes_rows[] = {
	{ .name = "yes",
	  .letter = 'y',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct kit_options, yes),
	  .help = "agree to what the kit asks for" },
	{ .name = NULL },
};

struct addition {
	struct client *client;
	const json_t *sandbox;
	const json_t *spec;
	struct env env; /* the kit's variables; owned */
};

static int consent(const struct kit_read *read, bool yes, struct err *err)
{
	json_t *strangers = json_array();
	int r = 0;

	if (!read->bundle.is_builtin)
		r = json_array_append_new(strangers, kit_stranger(&read->bundle, &read->kit));
	r = r < 0 ? err_set(err, -ENOMEM, "out of memory") : kit_consent(strangers, yes, err);
	json_decref(strangers);
	return r;
}

/* A rule of this sandbox alone; a host without a port means 443, as in every kit. */
static int add_network(const struct addition *addition, struct err *err)
{
	const json_t *network =
		json_object_get(json_object_get(addition->spec, "permissions"), "network");
	json_t *resources = json_array(), *protocols = json_pack("[s]", "tcp"), *body, *host;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(network, "allow"), i, host)
	{
		const char *text = json_string_value(host);
		bool is_plain = strpbrk(text, ":/") == NULL;

		r |= json_array_append_new(resources,
					   json_sprintf("%s%s", text, is_plain ? ":443" : ""));
	}
	body = json_pack("{s:s, s:o, s:o, s:s}", "decision", "allow", "resources", resources,
			 "protocols", protocols, "sandbox",
			 sandbox_text(addition->sandbox, "name"));
	if (r < 0 || body == NULL)
		r = err_set(err, -ENOMEM, "out of memory");
	else if (json_array_size(resources) > 0)
		r = client_call(addition->client, "POST", "/policy/rules", body, NULL, err);
	json_decref(body);
	return r;
}

/* "K=V" of the kit's variables; *ret must be finished. */
static int read_variables(const struct addition *addition, struct env *ret, struct err *err)
{
	const json_t *variables =
		json_object_get(json_object_get(addition->spec, "environment"), "variables");
	const struct option_list none = { .count = 0 };
	const char *name;
	json_t *value;
	int r = 0;

	json_object_foreach((json_t *)variables, name, value)
	{
		autofree char *line = NULL;
		const char *item;

		if (asprintf(&line, "%s=%s", name, json_string_value(value)) < 0)
			line = NULL;
		item = line;
		if (r == 0 && item == NULL)
			r = err_set(err, -ENOMEM, "out of memory");
		if (r == 0)
			r = env_add(ret, &none, &(struct option_list){ &item, 1 }, err);
	}
	return r;
}

static int add_variables(const struct addition *addition, struct err *err)
{
	const struct env *env = &addition->env;
	autofree char *path = client_path(sandbox_text(addition->sandbox, "name"), "");
	json_t *lines = json_array(), *body = json_pack("{s:o}", "env", lines);
	int r = path != NULL && body != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; i < env->count; i++)
		r |= json_array_append_new(lines, json_string(env->items[i]));
	if (r < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	else if (env->count > 0)
		r = client_call(addition->client, "PATCH", path, body, NULL, err);
	if (r == 0 && env->count > 0)
		(void)fprintf(
			stderr,
			"NOTE: variables of the kit are there from the next start: sbx stop %s\n",
			sandbox_text(addition->sandbox, "name"));
	json_decref(body);
	return r;
}

static int run_step(const struct addition *addition, const json_t *step, struct err *err)
{
	const char *user = json_string_value(json_object_get(step, "user"));
	const char *const command[] = { "sh", "-c", sandbox_text(step, "command"), NULL };
	const struct attach_config config = {
		.sandbox = addition->sandbox,
		.command = command,
		.env = &addition->env,
		.user = user != NULL ? user : "0",
	};
	int status = 0;
	int r = attach_run(addition->client, &config, &status, err);

	if (r == 0 && status != 0)
		r = err_set(err, -EIO, "the install step '%.200s' failed with status %d",
			    sandbox_text(step, "command"), status);
	return r;
}

static int install(const struct addition *addition, struct err *err)
{
	const json_t *steps = json_object_get(json_object_get(addition->spec, "setup"), "install");
	json_t *step;
	size_t i;
	int r = 0;

	if (json_array_size(steps) > 0)
		r = sandbox_start(addition->client, addition->sandbox, false, err);
	json_array_foreach(steps, i, step)
	{
		if (r == 0)
			r = run_step(addition, step, err);
	}
	return r;
}

static int add(struct client *client, const json_t *sandbox, const struct kit_read *read,
	       const struct kit_options *options, struct err *err)
{
	struct addition addition = { .client = client, .sandbox = sandbox, .spec = read->kit.spec };
	int r = addition_check(&read->bundle, &read->kit, sandbox_text(sandbox, "agent"), err);

	if (r == 0)
		r = consent(read, options->yes, err);
	if (r == 0)
		r = read_variables(&addition, &addition.env, err);
	if (r == 0)
		r = add_network(&addition, err);
	if (r == 0)
		r = install(&addition, err);
	if (r == 0)
		r = add_variables(&addition, err);
	env_finish(&addition.env);
	return r;
}

static int run_add(const struct invocation *invocation, struct err *err)
{
	const struct kit_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	struct kit_read read;
	json_t *sandbox = NULL;
	int r = client_init(&client, invocation, err);

	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	r = kit_read(invocation->args[1], options, &read, err);
	if (r < 0)
		return r;
	kit_print_warnings(read.kit.warnings);
	r = sandbox_get(&client, invocation->args[0], &sandbox, err);
	if (r == 0)
		r = add(&client, sandbox, &read, options, err);
	json_decref(sandbox);
	kit_read_finish(&read);
	return r;
}

const struct command cmd_kit_add = {
	.name = "add",
	.summary = "Add a mixin to a sandbox that is there",
	.arguments = "SANDBOX REF",
	.description =
		"The mixin may have variables, install steps and hosts that are allowed; all else "
		"takes\n"
		"part in how a sandbox is made, and is refused. Install steps run at once.",
	.examples = "sbx kit add demo ./mymixin\tits tool and its hosts, in a sandbox that runs",
	.groups = { { .options = kit_argument_rows }, { .options = yes_rows } },
	.values_size = sizeof(struct kit_options),
	.least = 2,
	.most = 2,
	.first = COMPLETE_SANDBOX,
	.rest = COMPLETE_FOLDER,
	.run = run_add,
};
