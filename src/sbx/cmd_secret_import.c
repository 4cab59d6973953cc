#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/hidden.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/secrets.h"

struct import_options {
	bool all, dry_run, force;
};

static const struct option rows[] = {
	{ .name = "all",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct import_options, all),
	  .help = "take all that are found, without asking for each" },
	{ .name = "dry-run",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct import_options, dry_run),
	  .help = "show what would be taken" },
	{ .name = "force",
	  .letter = 'f',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct import_options, force),
	  .help = "replace what is there" },
	{ .name = NULL },
};

/* What an import works with. */
struct import {
	struct client *client;
	const struct import_options *options;
	const char *only; /* a service; NULL: all */
	json_t *list;	  /* what is stored */
	unsigned found, taken;
};

/* The first of the service's variables that is set. */
static const char *find_variable(const json_t *service)
{
	const json_t *env = json_object_get(service, "env");

	for (size_t i = 0; i < json_array_size(env); i++) {
		const char *name = json_string_value(json_array_get(env, i));
		const char *value = getenv(name);

		if (value != NULL && value[0] != '\0')
			return name;
	}
	return NULL;
}

/* The last 4 characters of what is long enough to have secret ones before them. */
static void print_found(const char *service, const char *variable)
{
	const char *value = getenv(variable);
	size_t len = strlen(value);

	(void)terminal_print_safe(stdout, service);
	(void)printf("   %s   ****", variable);
	(void)terminal_print_safe(stdout, len >= 12 ? value + len - 4 : "");
	(void)putchar('\n');
}

static int enter(struct import *import, const char *service, const char *variable, struct err *err)
{
	json_t *body = json_pack("{ss ss ss}", "type", "service", "name", service, "value",
				 getenv(variable));
	json_t *answer = NULL;
	int r;

	if (body == NULL)
		return err_set(err, -EINVAL, "the value of %s is not UTF-8", variable);
	r = secrets_enter(import->client, body, import->options->force, &answer, err);
	if (r == 0) {
		import->taken++;
		secrets_print_applied(answer);
	}
	json_decref(answer);
	json_decref(body);
	return r;
}

static int take(struct import *import, const json_t *service, struct err *err)
{
	const char *name = sandbox_text(service, "name"), *variable = find_variable(service);
	bool is_stored = secrets_find(import->list, "service", name, NULL) != NULL;
	char question[160];

	if (variable == NULL || (import->only != NULL && strcmp(import->only, name) != 0))
		return 0;
	import->found++;
	print_found(name, variable);
	if (secrets_find(import->list, "oauth", name, NULL) != NULL) {
		(void)printf("   left alone: there is a login to %s\n", name);
		return 0;
	}
	if (is_stored && !import->options->force && import->options->all) {
		(void)printf("   left alone: one is stored already; --force replaces it\n");
		return 0;
	}
	if (import->options->dry_run)
		return 0;
	(void)snprintf(question, sizeof(question), "Store %.60s from %.60s?", name, variable);
	if (import->only == NULL && report_confirm(import->options->all, question, err) < 0)
		return err->code == -ENOTTY ? err->code : 0;
	return enter(import, name, variable, err);
}

static int import_all(struct import *import, const json_t *services, struct err *err)
{
	bool is_known = import->only == NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(services); i++) {
		const json_t *service = json_array_get(services, i);

		is_known |= import->only != NULL &&
			    strcmp(sandbox_text(service, "name"), import->only) == 0;
		r = take(import, service, err);
	}
	if (r == 0 && !is_known)
		return err_set(err, -EINVAL, "no service is called '%.80s'", import->only);
	if (r == 0 && import->found == 0)
		(void)puts(
			"No credential env vars detected on the host; 'sbx secret set' asks for "
			"a value");
	else if (r == 0 && !import->options->dry_run)
		(void)printf("Imported %u secret(s)\n", import->taken);
	return r;
}

static int run(const struct invocation *invocation, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct import import = { .client = &client,
				 .options = invocation->values,
				 .only = invocation->count > 0 ? invocation->args[0] : NULL };
	json_t *answer = NULL;
	int r;

	hidden_protect();
	r = client_init(&client, invocation, err);
	if (r == 0)
		r = secrets_list(&client, &import.list, err);
	if (r == 0)
		r = client_call(&client, "GET", "/secret/services", NULL, &answer, err);
	if (r == 0)
		r = import_all(&import, json_object_get(answer, "services"), err);
	json_decref(answer);
	json_decref(import.list);
	return r;
}

const struct command cmd_secret_import = {
	.name = "import",
	.summary = "Take keys out of this environment",
	.arguments = "[SERVICE]",
	.description =
		"Looks once at the variables of the services, like OPENAI_API_KEY, and stores what "
		"is\n"
		"there for all sandboxes. They are not read at any other time.",
	.examples = "sbx secret import --all --dry-run\tonly look",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct import_options),
	.most = 1,
	.first = COMPLETE_SERVICE,
	.run = run,
};
