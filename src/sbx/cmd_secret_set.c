#include "sbx/commands.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"
#include "sbx/client.h"
#include "sbx/hidden.h"
#include "sbx/sandbox.h"
#include "sbx/secret_login.h"
#include "sbx/secrets.h"

/* Where a value comes from; `set` and `set-custom` share it. */
struct source_options {
	const char *token, *command, *ref, *refresh, *sandbox;
	bool force, no_verify, show_error, snapshot;
};

struct set_options {
	struct source_options source;
	const char *registry, *username, *auth_endpoint;
	bool password_stdin, all_sandboxes, oauth, global;
};

struct custom_options {
	struct source_options source;
	struct option_list hosts;
	const char *env, *placeholder;
};

static const struct option source_rows[] = {
	{ .name = "token",
	  .letter = 't',
	  .kind = OPTION_STRING,
	  .argument = "-",
	  .offset = offsetof(struct source_options, token),
	  .help = "read the value from standard input; a value itself is refused here" },
	{ .name = "command",
	  .kind = OPTION_STRING,
	  .argument = "COMMAND",
	  .offset = offsetof(struct source_options, command),
	  .help = "the value is what this command of the shell prints" },
	{ .name = "ref",
	  .kind = OPTION_STRING,
	  .argument = "REF",
	  .offset = offsetof(struct source_options, ref),
	  .help = "op://..., arn:aws:secretsmanager:..., or NAME://... for sbx-ref-NAME" },
	{ .name = "refresh",
	  .kind = OPTION_STRING,
	  .argument = "DURATION",
	  .offset = offsetof(struct source_options, refresh),
	  .help = "ask a command or reference again after this, or on-demand" },
	{ .name = "no-verify",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct source_options, no_verify),
	  .help = "do not try the command or reference now" },
	{ .name = "snapshot",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct source_options, snapshot),
	  .help = "ask the command or reference once, now, and keep what it gives" },
	{ .name = "show-error",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct source_options, show_error),
	  .help = "show what a command that fails says" },
	{ .name = "sandbox",
	  .kind = OPTION_STRING,
	  .argument = "SANDBOX",
	  .complete = COMPLETE_SANDBOX,
	  .offset = offsetof(struct source_options, sandbox),
	  .help = "for this sandbox only; gone when it is removed" },
	{ .name = "force",
	  .letter = 'f',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct source_options, force),
	  .help = "replace what is there without asking" },
	{ .name = NULL },
};

static const struct option set_rows[] = {
	{ .name = "registry",
	  .kind = OPTION_STRING,
	  .argument = "HOST",
	  .offset = offsetof(struct set_options, registry),
	  .help = "a login to this container registry instead of a service" },
	{ .name = "username",
	  .kind = OPTION_STRING,
	  .argument = "USER",
	  .offset = offsetof(struct set_options, username),
	  .help = "of the registry login" },
	{ .name = "password-stdin",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct set_options, password_stdin),
	  .help = "read the registry's password from standard input" },
	{ .name = "all-sandboxes",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct set_options, all_sandboxes),
	  .help = "let every sandbox use the registry login" },
	{ .name = "registry-auth-endpoint",
	  .kind = OPTION_STRING,
	  .argument = "URL",
	  .offset = offsetof(struct set_options, auth_endpoint),
	  .help = "where the registry gives tokens, when that is another host" },
	{ .name = "oauth",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct set_options, oauth),
	  .help = "log in to the service by a browser instead of storing a key" },
	{ .name = "global",
	  .letter = 'g',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct set_options, global),
	  .hidden = true,
	  .help = "for all sandboxes, which is the default" },
	{ .name = NULL },
};

static const struct option custom_rows[] = {
	{ .name = "host",
	  .kind = OPTION_LIST,
	  .argument = "HOST",
	  .offset = offsetof(struct custom_options, hosts),
	  .help = "a host that gets the real value; * is one label, ** any; may be repeated" },
	{ .name = "env",
	  .kind = OPTION_STRING,
	  .argument = "NAME",
	  .offset = offsetof(struct custom_options, env),
	  .help = "the variable in which sandboxes find the placeholder" },
	{ .name = "placeholder",
	  .kind = OPTION_STRING,
	  .argument = "TEXT",
	  .offset = offsetof(struct custom_options, placeholder),
	  .help = "what stands for it, {rand} is filled in (default: sk-{rand})" },
	{ .name = "value",
	  .kind = OPTION_STRING,
	  .argument = "-",
	  .hidden = true,
	  .offset = offsetof(struct custom_options, source.token),
	  .help = "the same as --token" },
	{ .name = NULL },
};

static int check_source(const struct source_options *source, struct err *err)
{
	if (source->token != NULL && strcmp(source->token, "-") != 0)
		return err_set(
			err, -ERANGE,
			"a value on the command line can be read by every process of this "
			"machine and stays in the shell's history; pipe it in, or give it at "
			"the prompt");
	if ((source->token != NULL) + (source->command != NULL) + (source->ref != NULL) > 1)
		return err_set(err, -EINVAL, "--token, --command and --ref exclude each other");
	if (source->no_verify && source->show_error)
		return err_set(err, -EINVAL, "--no-verify and --show-error exclude each other");
	return 0;
}

/* The value or where it comes from, into the body. */
static int add_source(json_t *body, const struct source_options *source, const char *prompt,
		      struct err *err)
{
	char *value = NULL;
	int r = secrets_add_refresh(body, source->refresh, err);

	if (r == 0 && source->command == NULL && source->ref == NULL)
		r = hidden_read(prompt, &value, err);
	if (r == 0) {
		json_t *more =
			json_pack("{ss* ss* ss* ss*}", "value", value, "command", source->command,
				  "ref", source->ref, "sandbox", source->sandbox);

		if (more == NULL || json_object_update_missing(body, more) < 0 ||
		    (source->no_verify && json_object_set_new(body, "no_verify", json_true())) ||
		    (source->snapshot && json_object_set_new(body, "snapshot", json_true())) ||
		    (source->show_error && json_object_set_new(body, "show_error", json_true())))
			r = err_set(err, -ENOMEM, "it cannot be sent: a secret is text in UTF-8");
		json_decref(more);
	}
	hidden_free(value);
	return r;
}

static void print_set(const json_t *answer)
{
	const char *scope = json_string_value(json_object_get(answer, "scope"));

	(void)fputs("Secret for ", stdout);
	(void)terminal_print_safe(stdout, sandbox_text(answer, "name"));
	(void)printf(" stored (scope: %s)\n", scope != NULL ? scope : "global");
	if (json_object_get(answer, "placeholder") != NULL) {
		(void)fputs("Sandboxes made from now on find ", stdout);
		(void)terminal_print_safe(stdout, sandbox_text(answer, "placeholder"));
		(void)fputs(" in its place\n", stdout);
	}
	secrets_print_applied(answer);
}

static int enter(struct client *client, json_t *body, const struct source_options *source,
		 const char *prompt, struct err *err)
{
	json_t *answer = NULL;
	int r = body != NULL ? add_source(body, source, prompt, err)
			     : err_set(err, -ENOMEM, "out of memory");

	if (r == 0)
		r = secrets_enter(client, body, source->force, &answer, err);
	if (r == 0)
		print_set(answer);
	json_decref(answer);
	return r;
}

/* Shows the services and takes one. */
static int pick(struct client *client, char **ret, struct err *err)
{
	json_t *answer = NULL, *list;
	char line[32];
	uint64_t choice = 0;
	int r;

	if (isatty(STDIN_FILENO) != 1)
		return err_set(err, -EINVAL, "name a service, as in: sbx secret set github");
	r = client_call(client, "GET", "/secret/services", NULL, &answer, err);
	if (r < 0)
		return r;
	list = json_object_get(answer, "services");
	for (size_t i = 0; i < json_array_size(list); i++) {
		(void)fprintf(stderr, "%3zu  ", i + 1);
		(void)terminal_print_safe(stderr, sandbox_text(json_array_get(list, i), "name"));
		(void)fputc('\n', stderr);
	}
	(void)fputs("Service (number): ", stderr);
	(void)fflush(stderr);
	if (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		(void)parse_u64(line, json_array_size(list), &choice);
	}
	if (choice == 0)
		r = err_set(err, -ECANCELED, "none was chosen; nothing was changed");
	else
		*ret = strdup(sandbox_text(json_array_get(list, choice - 1), "name"));
	json_decref(answer);
	return r == 0 && *ret == NULL ? err_set(err, -ENOMEM, "out of memory") : r;
}

static int set_registry(struct client *client, const struct set_options *options, struct err *err)
{
	char prompt[300];
	json_t *body;
	int r;

	if (options->username == NULL)
		return err_set(err, -EINVAL, "a registry login needs --username");
	if (options->all_sandboxes && options->source.sandbox != NULL)
		return err_set(err, -EINVAL, "--all-sandboxes and --sandbox exclude each other");
	body = json_pack("{ss ss ss ss* sb}", "type", "registry", "name", options->registry,
			 "username", options->username, "auth_endpoint", options->auth_endpoint,
			 "all_sandboxes", options->all_sandboxes);
	(void)snprintf(prompt, sizeof(prompt), "Password of %.100s at %.100s", options->username,
		       options->registry);
	r = enter(client, body, &options->source, prompt, err);
	json_decref(body);
	return r;
}

static int set_service(struct client *client, const struct set_options *options, const char *name,
		       struct err *err)
{
	char prompt[200];
	json_t *body = json_pack("{ss ss}", "type", "service", "name", name);
	int r;

	(void)snprintf(prompt, sizeof(prompt), "Secret for %.100s", name);
	r = enter(client, body, &options->source, prompt, err);
	json_decref(body);
	return r;
}

static int check_set(const struct invocation *invocation, const struct set_options *options,
		     struct err *err)
{
	const struct source_options *source = &options->source;
	bool is_registry = options->registry != NULL;

	if (options->oauth && (is_registry || source->token != NULL || source->command != NULL ||
			       source->ref != NULL || source->sandbox != NULL))
		return err_set(err, -EINVAL,
			       "--oauth is for all sandboxes, and takes no registry and no value");
	if (is_registry && invocation->count > 0)
		return err_set(err, -EINVAL, "--registry and a service exclude each other");
	if (!is_registry && (options->username != NULL || options->password_stdin ||
			     options->all_sandboxes || options->auth_endpoint != NULL))
		return err_set(err, -EINVAL, "that option goes with --registry");
	if (options->global)
		secrets_warn_older("-g", "nothing: it is the default");
	return check_source(&options->source, err);
}

static int run_set(const struct invocation *invocation, struct err *err)
{
	struct set_options options = *(const struct set_options *)invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autofree char *picked = NULL;
	const char *name = invocation->count > 0 ? invocation->args[invocation->count - 1] : NULL;
	int r = check_set(invocation, &options, err);

	hidden_protect();
	if (r == 0 && invocation->count == 2) {
		secrets_warn_older("a sandbox as an argument", "--sandbox");
		options.source.sandbox = invocation->args[0];
	}
	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r == 0 && options.registry != NULL)
		return set_registry(&client, &options, err);
	if (r == 0 && name == NULL) {
		r = pick(&client, &picked, err);
		name = picked;
	}
	if (r < 0)
		return r;
	return options.oauth ? secret_login(&client, name, err)
			     : set_service(&client, &options, name, err);
}

static int run_custom(const struct invocation *invocation, struct err *err)
{
	const struct custom_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *hosts = json_array(), *body;
	char prompt[200];
	int r = check_source(&options->source, err);

	hidden_protect();
	if (r == 0 && (options->hosts.count == 0 || options->env == NULL))
		r = err_set(err, -EINVAL, "give the hosts by --host and the variable by --env");
	for (size_t i = 0; i < options->hosts.count; i++)
		(void)json_array_append_new(hosts, json_string(options->hosts.items[i]));
	body = json_pack("{ss ss* so ss*}", "type", "custom", "name", options->env, "targets",
			 hosts, "placeholder", options->placeholder);
	(void)snprintf(prompt, sizeof(prompt), "Value of %.100s",
		       options->env != NULL ? options->env : "");
	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r == 0)
		r = enter(&client, body, &options->source, prompt, err);
	json_decref(body);
	return r;
}

const struct command cmd_secret_set = {
	.name = "set",
	.summary = "Store the key of a service, or a registry login",
	.arguments = "[SERVICE]",
	.description =
		"The value is asked for, or read from standard input. Running sandboxes work by it "
		"at once.",
	.examples =
		"sbx secret set github\task for it\n"
		"gh auth token | sbx secret set github\tfrom standard input\n"
		"sbx secret set openai --command 'pass show openai'\tasked again when it gets old\n"
		"sbx secret set openai --oauth\tlog in as for Codex\n"
		"sbx secret set --registry ghcr.io --username me --password-stdin\ta registry "
		"login",
	.groups = { { .options = set_rows },
		    { .options = source_rows, .offset = offsetof(struct set_options, source) } },
	.values_size = sizeof(struct set_options),
	.most = 2,
	.first = COMPLETE_SERVICE,
	.run = run_set,
};

const struct command cmd_secret_set_custom = {
	.name = "set-custom",
	.summary = "Store a secret for hosts of your choice",
	.description =
		"Sandboxes made afterwards find a placeholder in the variable. In what they send "
		"to the\n"
		"hosts, in headers and in the address, the real value takes its place.",
	.examples = "sbx secret set-custom --host api.example.com --env EXAMPLE_KEY\task for it",
	.groups = { { .options = custom_rows },
		    { .options = source_rows, .offset = offsetof(struct custom_options, source) } },
	.values_size = sizeof(struct custom_options),
	.run = run_custom,
};
