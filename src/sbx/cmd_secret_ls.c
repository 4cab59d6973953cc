#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/format.h"
#include "sbx/sandbox.h"
#include "sbx/secrets.h"

struct ls_options {
	struct format_options format;
	const char *sandbox, *service;
	bool global, quiet;
};

static const struct option rows[] = {
	{ .name = "global",
	  .letter = 'g',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct ls_options, global),
	  .help = "those of all sandboxes only" },
	{ .name = "sandbox",
	  .kind = OPTION_STRING,
	  .argument = "SANDBOX",
	  .complete = COMPLETE_SANDBOX,
	  .offset = offsetof(struct ls_options, sandbox),
	  .help = "those of this sandbox only" },
	{ .name = "service",
	  .kind = OPTION_STRING,
	  .argument = "SERVICE",
	  .complete = COMPLETE_SERVICE,
	  .offset = offsetof(struct ls_options, service),
	  .help = "those of this service only" },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct ls_options, quiet),
	  .help = "print names only" },
	{ .name = NULL },
};

static bool is_wanted(const struct ls_options *options, const json_t *entry)
{
	const char *scope = json_string_value(json_object_get(entry, "scope"));

	if (options->global && scope != NULL)
		return false;
	if (options->sandbox != NULL && (scope == NULL || strcmp(scope, options->sandbox) != 0))
		return false;
	return options->service == NULL ||
	       strcmp(sandbox_text(entry, "name"), options->service) == 0;
}

static json_t *filter(const struct ls_options *options, const json_t *entries)
{
	json_t *kept = json_array();

	for (size_t i = 0; i < json_array_size(entries); i++)
		if (is_wanted(options, json_array_get(entries, i)))
			(void)json_array_append(kept, json_array_get(entries, i));
	return kept;
}

static const char *scope_of(const json_t *entry)
{
	const char *scope = json_string_value(json_object_get(entry, "scope"));

	return scope != NULL ? scope : "(global)";
}

static int print_secrets(const json_t *secrets, struct err *err)
{
	static const char *const header[] = { "SCOPE", "TYPE", "NAME", "SECRET" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	int r;

	columns_init(&columns, 4);
	r = columns_add(&columns, header);
	for (size_t i = 0; r == 0 && i < json_array_size(secrets); i++) {
		const json_t *entry = json_array_get(secrets, i);
		const char *row[] = { scope_of(entry), sandbox_text(entry, "type"),
				      sandbox_text(entry, "name"), sandbox_text(entry, "secret") };

		r = columns_add(&columns, row);
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	return 0;
}

static char *join_targets(const json_t *entry)
{
	const json_t *targets = json_object_get(entry, "targets");
	autocall(buf_finish) struct buf text = { 0 };

	buf_init(&text, 65536);
	for (size_t i = 0; i < json_array_size(targets); i++)
		(void)buf_printf(&text, "%s%s", i > 0 ? "," : "",
				 json_string_value(json_array_get(targets, i)));
	return buf_str(&text) != NULL ? strdup(buf_str(&text)) : NULL;
}

static int print_customs(const json_t *customs, struct err *err)
{
	static const char *const header[] = { "SCOPE", "TARGETS", "ENV", "PLACEHOLDER", "SECRET" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	int r;

	columns_init(&columns, 5);
	r = columns_add(&columns, header);
	for (size_t i = 0; r == 0 && i < json_array_size(customs); i++) {
		const json_t *entry = json_array_get(customs, i);
		autofree char *targets = join_targets(entry);
		const char *row[] = { scope_of(entry), targets, sandbox_text(entry, "env"),
				      sandbox_text(entry, "placeholder"),
				      sandbox_text(entry, "secret") };

		r = targets != NULL ? columns_add(&columns, row) : -ENOMEM;
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	(void)puts("CUSTOM SECRETS");
	columns_print(&columns, stdout);
	return 0;
}

static int print_table(const struct ls_options *options, const json_t *secrets,
		       const json_t *customs, struct err *err)
{
	int r = 0;

	if (json_array_size(secrets) + json_array_size(customs) == 0) {
		(void)printf("No secrets found for scope \"%s\".\n", options->sandbox != NULL
									     ? options->sandbox
								     : options->global ? "global"
										       : "all");
		return 0;
	}
	if (json_array_size(secrets) > 0)
		r = print_secrets(secrets, err);
	if (r == 0 && json_array_size(customs) > 0)
		r = print_customs(customs, err);
	return r;
}

static void print_names(const json_t *entries)
{
	for (size_t i = 0; i < json_array_size(entries); i++)
		(void)puts(sandbox_text(json_array_get(entries, i), "name"));
}

/* Global secrets that a sandbox's own stand before. */
static json_t *find_shadowed(const json_t *list)
{
	const json_t *secrets = json_object_get(list, "secrets");
	json_t *shadowed = json_array();

	for (size_t i = 0; i < json_array_size(secrets); i++) {
		const json_t *entry = json_array_get(secrets, i);
		const char *name = sandbox_text(entry, "name");

		if (json_object_get(entry, "scope") != NULL &&
		    secrets_find(list, sandbox_text(entry, "type"), name, NULL) != NULL)
			(void)json_array_append_new(shadowed, json_string(name));
	}
	return shadowed;
}

static bool is_set_here(const json_t *service)
{
	const json_t *env = json_object_get(service, "env");

	for (size_t i = 0; i < json_array_size(env); i++) {
		const char *value = getenv(json_string_value(json_array_get(env, i)));

		if (value != NULL && value[0] != '\0')
			return true;
	}
	return false;
}

/* Services with a key in this environment and none in the vault: `secret import` takes them. */
static int count_env_only(struct client *client, const json_t *list)
{
	struct err ignored = ERR_INIT;
	const json_t *services;
	json_t *answer = NULL;
	int count = 0;

	if (client_call(client, "GET", "/secret/services", NULL, &answer, &ignored) < 0)
		return 0;
	services = json_object_get(answer, "services");
	for (size_t i = 0; i < json_array_size(services); i++) {
		const json_t *service = json_array_get(services, i);

		count += is_set_here(service) &&
			 secrets_find(list, "service", sandbox_text(service, "name"), NULL) == NULL;
	}
	json_decref(answer);
	return count;
}

/* Every entry says its scope, also the global ones. */
static void state_scopes(json_t *entries)
{
	for (size_t i = 0; i < json_array_size(entries); i++) {
		json_t *entry = json_array_get(entries, i);

		if (json_object_get(entry, "scope") == NULL)
			(void)json_object_set_new(entry, "scope", json_string("global"));
	}
}

static int print_document(struct client *client, const struct format_options *format,
			  const json_t *list, json_t *secrets, json_t *customs, struct err *err)
{
	json_t *document = json_pack("{sO sO so si ss}", "secrets", secrets, "custom_secrets",
				     customs, "shadowed_services", find_shadowed(list),
				     "env_only_count", count_env_only(client, list), "protection",
				     sandbox_text(list, "protection"));
	int r;

	state_scopes(secrets);
	state_scopes(customs);
	r = document != NULL ? format_print(format, document, err)
			     : err_set(err, -ENOMEM, "out of memory");
	json_decref(document);
	return r;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct ls_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *list = NULL, *secrets, *customs;
	int r = client_init(&client, invocation, err);

	if (r == 0 && options->global && options->sandbox != NULL)
		r = err_set(err, -EINVAL, "--global and --sandbox exclude each other");
	client.quiet = options->quiet || format_is_document(&options->format);
	if (r == 0)
		r = secrets_list(&client, &list, err);
	if (r < 0)
		return r;
	secrets = filter(options, json_object_get(list, "secrets"));
	customs = filter(options, json_object_get(list, "custom_secrets"));
	if (options->quiet) {
		print_names(secrets);
		print_names(customs);
	} else if (format_is_document(&options->format)) {
		r = print_document(&client, &options->format, list, secrets, customs, err);
	} else {
		r = print_table(options, secrets, customs, err);
	}
	json_decref(secrets);
	json_decref(customs);
	json_decref(list);
	return r;
}

const struct command cmd_secret_ls = {
	.name = "ls",
	.alias = "list",
	.summary = "List secrets, without their values",
	.groups = { { .options = rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct ls_options, format) } },
	.values_size = sizeof(struct ls_options),
	.run = run,
};
