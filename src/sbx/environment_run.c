#include "sbx/environment_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"
#include "sbx/bindings.h"
#include "sbx/client.h"
#include "sbx/environment.h"
#include "sbx/hostrun.h"
#include "sbx/removal.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/tool.h"

enum { WORDS_MAX = 512, COMMAND_SECONDS = 600, TEXT_MAX = 1 << 20, USERNAME_MAX = 256 };

/* A command line; what is made for it is owned. */
struct words {
	const char *items[WORDS_MAX + 1];
	size_t count;
	char *made[WORDS_MAX];
	size_t made_count;
	int failed; /* -errno of the first word that did not fit */
};

static void words_finish(struct words *words)
{
	for (size_t i = 0; i < words->made_count; i++)
		free(words->made[i]);
}

static void add(struct words *words, const char *word)
{
	if (words->count == WORDS_MAX)
		words->failed = -E2BIG;
	else
		words->items[words->count++] = word;
}

/* A word that is made of two; taken over. */
static void add_made(struct words *words, char *word)
{
	if (word == NULL || words->made_count == WORDS_MAX) {
		free(word);
		words->failed = word == NULL ? -ENOMEM : -E2BIG;
		return;
	}
	words->made[words->made_count++] = word;
	add(words, word);
}

static char *join(const char *first, const char *second, const char *third)
{
	char *text;

	return asprintf(&text, "%s%s%s", first, second, third) < 0 ? NULL : text;
}

static void add_option(struct words *words, const char *option, const char *value)
{
	if (*value == '\0')
		return;
	add(words, option);
	add(words, value);
}

int environment_self(const char *const *words, const char *input, const char *extra,
		     struct err *err)
{
	const struct hostrun what = {
		.command = words, .program = "/proc/self/exe", .input = input, .extra = extra
	};

	return hostrun(&what, err);
}

static int run_words(struct words *words, const char *input, const char *extra, struct err *err)
{
	if (words->failed < 0)
		return err_set(err, words->failed,
			       "the environment makes a command line that is too long");
	words->items[words->count] = NULL;
	return environment_self(words->items, input, extra, err);
}

/* Lines "K=V" for --env-file, so that no value stands in a command line. */
static int make_variables(const struct environment *environment, struct buf *ret, struct err *err)
{
	const char *key;
	json_t *value;
	int r = buf_append(ret, "", 0);

	json_object_foreach(json_object_get(environment->env, "env"), key, value)
	{
		if (strpbrk(json_string_value(value), "\r\n") != NULL)
			return err_set(err, -EINVAL, "the variable '%s' has more than one line",
				       key);
		if (r == 0)
			r = buf_printf(ret, "%s=%s\n", key, json_string_value(value));
	}
	return r < 0 || buf_str(ret) == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
}

static void add_ports(const struct environment *environment, struct words *words)
{
	const json_t *port;
	size_t i;

	json_array_foreach(environment_get(environment, "ports", NULL), i, port)
	{
		const char *address = sandbox_text(port, "hostIP"),
			   *host = sandbox_text(port, "host");
		const char *protocol = sandbox_text(port, "protocol");
		bool is_v6 = strchr(address, ':') != NULL;
		char *spec;

		if (asprintf(&spec, "%s%s%s%s%s%s%s%s%s", is_v6 ? "[" : "", address,
			     is_v6 ? "]" : "", *address != '\0' ? ":" : "", host,
			     *host != '\0' || *address != '\0' ? ":" : "",
			     sandbox_text(port, "sandbox"), *protocol != '\0' ? "/" : "",
			     protocol) < 0)
			spec = NULL;
		add(words, "--publish");
		add_made(words, spec);
	}
}

static void add_kits(const struct environment *environment, struct words *words)
{
	const json_t *kit;
	size_t i;

	json_array_foreach(environment_get(environment, "kits", NULL), i, kit)
	{
		add_option(words, "--kit", sandbox_text(kit, "source"));
	}
	for (char **value = environment->kit_args; *value != NULL; value++)
		add_option(words, "--kit-arg", *value);
}

/* Without a workspace the other folders are mounts like any others. */
static void add_more_paths(const struct environment *environment, bool is_mount,
			   struct words *words)
{
	const json_t *item;
	size_t i;

	json_array_foreach(environment_get(environment, "additionalWorkspaces", NULL), i, item)
	{
		const char *path = sandbox_text(item, "path");
		const char *mode = json_is_true(json_object_get(item, "readOnly")) ? ":ro" : "";
		char *target = is_mount ? join(":", path, mode) : NULL;

		if (is_mount)
			add_made(words, join("--mount=", path, target != NULL ? target : ""));
		else
			add_made(words, join(path, mode, ""));
		free(target);
	}
}

/* The files are in the sandbox read-only: where the workspace holds them, over the workspace. */
static void add_paths(const struct environment *environment, struct words *words)
{
	const char *workspace = environment_text(environment, "workspace", "path");
	bool is_clone = json_is_true(environment_get(environment, "workspace", "clone"));

	if (*workspace == '\0')
		return;
	add(words, workspace);
	add_more_paths(environment, false, words);
	for (size_t i = 0; !is_clone && i < environment->files_count; i++)
		add_made(words, join(environment->files[i], ":ro", ""));
}

/* The command, which finds the variables of the environment at descriptor 3. */
static void begin(const struct environment *environment, const char *command, struct words *words)
{
	add(words, "sbx");
	add(words, command);
	add_option(words, "--name", environment->name);
	add_option(words, "--env-file", "/dev/fd/3");
}

static int run_begun(const struct environment *environment, struct words *words, struct err *err)
{
	autocall(buf_finish) struct buf variables;

	buf_init(&variables, TEXT_MAX);
	if (make_variables(environment, &variables, err) < 0)
		return err->code;
	return run_words(words, NULL, buf_str(&variables), err);
}

static int create(const struct environment *environment, struct err *err)
{
	static const struct {
		const char *key, *option;
	} options[] = { { "template", "--template" },
			{ "memory", "--memory" },
			{ "cpus", "--cpus" },
			{ "pullPolicy", "--pull" } };
	autocall(words_finish) struct words words = { .count = 0 };

	begin(environment, "create", &words);
	for (size_t i = 0; i < countof(options); i++)
		add_option(&words, options[i].option,
			   environment_text(environment, "sandboxOptions", options[i].key));
	add_ports(environment, &words);
	add_kits(environment, &words);
	if (json_is_true(environment_get(environment, "workspace", "clone")))
		add(&words, "--clone");
	if (*environment_text(environment, "workspace", "path") == '\0')
		add_more_paths(environment, true, &words);
	add(&words, "--");
	add(&words, environment_text(environment, "agent", NULL));
	add_paths(environment, &words);
	return run_begun(environment, &words, err);
}

/* `sbx secret set` of {value, ref, command}, and the words for what it is. */
static int set_secret(const struct environment *environment, const json_t *secret,
		      const char *const *what, struct err *err)
{
	autocall(words_finish) struct words words = { .count = 0 };
	const char *value = sandbox_text(secret, "value");

	add(&words, "sbx");
	add(&words, "secret");
	add(&words, "set");
	add(&words, "--force");
	add_option(&words, "--sandbox", environment->name);
	add_option(&words, "--ref", sandbox_text(secret, "ref"));
	add_option(&words, "--command", sandbox_text(secret, "command"));
	add_option(&words, "--refresh", sandbox_text(secret, "refresh"));
	if (json_is_true(json_object_get(secret, "snapshot")))
		add(&words, "--snapshot");
	if (json_is_true(json_object_get(secret, "noVerify")))
		add(&words, "--no-verify");
	for (; *what != NULL; what++)
		add(&words, *what);
	return run_words(&words, *value != '\0' ? value : NULL, NULL, err);
}

/* Is it a service of sbxd's own, or one that only a kit tells of? */
static bool is_known(const json_t *services, const char *name)
{
	const json_t *service;
	size_t i;

	json_array_foreach(json_object_get(services, "services"), i, service)
	{
		if (strcmp(sandbox_text(service, "name"), name) == 0)
			return true;
	}
	return false;
}

/* Which secrets of the files are to be set, and how many were. */
struct setting {
	const json_t *services; /* those of sbxd's own; weak */
	bool known;		/* those, or the others */
	bool skip_commands;
	size_t count;
};

static int set_secrets(const struct environment *environment, struct setting *setting,
		       struct err *err)
{
	const char *service;
	json_t *secret;
	int r = 0;

	json_object_foreach(json_object_get(environment->env, "secrets"), service, secret)
	{
		const char *what[] = { service, NULL };
		bool is_run = json_object_get(secret, "command") != NULL;

		if (r != 0 || is_known(setting->services, service) != setting->known ||
		    (is_run && setting->skip_commands))
			continue;
		r = set_secret(environment, secret, what, err);
		setting->count++;
	}
	return r;
}

static int append(void *context, const void *bytes, size_t len, struct err *err)
{
	return buf_append(context, bytes, len) < 0
		       ? err_set(err, -EFBIG, "a username has at most %d bytes", USERNAME_MAX)
		       : 0;
}

/* The name to log in with; registries that take a token alone take any. */
static int find_username(const json_t *username, struct buf *ret, struct err *err)
{
	const char *line[] = { "/bin/sh", "-c", sandbox_text(username, "command"), NULL };
	const struct tool tool = { .argv = line, .output = append, .context = ret };
	const char *value = sandbox_text(username, "value");
	int r;

	if (username == NULL)
		value = "token";
	r = json_object_get(username, "command") != NULL ? tool_run(&tool, err)
							 : append(ret, value, strlen(value), err);
	while (r == 0 && ret->len > 0 && ret->data[ret->len - 1] == '\n')
		ret->len--;
	return r == 0 && buf_str(ret) == NULL ? err_set(err, -ENOMEM, "out of memory") : r;
}

static int set_registry(const struct environment *environment, const char *host,
			const json_t *registry, struct err *err)
{
	autocall(buf_finish) struct buf username;
	int r;

	buf_init(&username, USERNAME_MAX);
	r = find_username(json_object_get(registry, "username"), &username, err);
	if (r < 0)
		return err_wrap(err, "the username of the registry '%s'", host);
	const char *what[] = { "--registry", host, "--username", buf_str(&username), NULL };

	return set_secret(environment, json_object_get(registry, "secret"), what, err);
}

static int set_registries(const struct environment *environment, bool skip_commands,
			  struct err *err)
{
	const char *host;
	json_t *registry;
	int r = 0;

	json_object_foreach(json_object_get(environment->env, "registries"), host, registry)
	{
		if (r == 0 && (!skip_commands || !environment_registry_runs(registry)))
			r = set_registry(environment, host, registry, err);
	}
	return r;
}

/* The service of a kit is there once the sandbox is, and its variable after the next start. */
static int set_secrets_of_kits(const struct environment *environment, struct setting *setting,
			       struct err *err)
{
	const char *stop[] = { "sbx", "stop", environment->name, NULL };
	int r;

	setting->known = false;
	setting->count = 0;
	r = set_secrets(environment, setting, err);
	return r == 0 && setting->count > 0 ? environment_self(stop, NULL, NULL, err) : r;
}

/* What the start of the sandbox needs comes before it. */
static int make(const struct environment *environment, struct setting *setting, struct err *err)
{
	int r = bindings_add(json_object_get(environment->env, "bindings"), err);

	setting->known = true;
	if (r == 0)
		r = set_secrets(environment, setting, err);
	if (r == 0)
		r = set_registries(environment, setting->skip_commands, err);
	if (r == 0)
		r = create(environment, err);
	return r == 0 ? set_secrets_of_kits(environment, setting, err) : r;
}

void environment_undo(struct client *client, const struct environment *environment)
{
	json_t *all = json_pack("{s:s}", "sandbox", environment->name), *answer = NULL;
	struct err ignored = ERR_INIT;
	json_t *sandbox;

	if (sandbox_get(client, environment->name, &sandbox, &ignored) == 0) {
		(void)removal_remove(client, sandbox, true, &ignored);
		json_decref(sandbox);
	}
	(void)client_call(client, "POST", "/secret/remove", all, &answer, &ignored);
	json_decref(answer);
	json_decref(all);
}

int environment_create(struct client *client, const struct environment *environment,
		       bool skip_commands, struct err *err)
{
	json_t *services = NULL;
	struct setting setting = { .skip_commands = skip_commands };
	int r = client_call(client, "GET", "/secret/services", NULL, &services, err);

	if (r < 0)
		return r;
	setting.services = services;
	r = make(environment, &setting, err);
	json_decref(services);
	if (r != 0)
		environment_undo(client, environment);
	return r;
}

int environment_attach(const struct environment *environment, const char *option,
		       const char *const *more, struct err *err)
{
	autocall(words_finish) struct words words = { .count = 0 };

	begin(environment, "run", &words);
	if (option != NULL)
		add(&words, option);
	if (*more != NULL)
		add(&words, "--");
	for (; *more != NULL; more++)
		add(&words, *more);
	return run_begun(environment, &words, err);
}

/* What a lifecycle command is told. */
static void add_variables(const struct environment *environment, const char *phase,
			  struct words *words)
{
	autocall(buf_finish) struct buf files;

	buf_init(&files, TEXT_MAX);
	for (size_t i = 0; i < environment->files_count; i++)
		(void)buf_printf(&files, "%s%s", i > 0 ? ":" : "", environment->files[i]);
	add_made(words, join("SBX_LIFECYCLE_PHASE=", phase, ""));
	add_made(words,
		 join("SBX_ENV_FILE=", environment->files[environment->files_count - 1], ""));
	add_made(words, join("SBX_ENV_FILES=", buf_str(&files) != NULL ? buf_str(&files) : "", ""));
	add_made(words, join("SBX_ENV_DIR=", environment->project, ""));
	add_made(words, join("SBX_SANDBOX_NAME=", environment->name, ""));
	add_made(words, join("SBX_AGENT=", environment_text(environment, "agent", NULL), ""));
	add_made(words,
		 join("SBX_WORKSPACE=", environment_text(environment, "workspace", "path"), ""));
}

static int run_command(const struct environment *environment, const char *phase,
		       const json_t *command, struct err *err)
{
	autocall(words_finish) struct words variables = { .count = 0 };
	const char *line[] = { "/bin/sh", "-c", sandbox_text(command, "command"), NULL };
	const char *folder = sandbox_text(command, "workdir");
	struct hostrun what = { .command = line,
				.folder = *folder != '\0' ? folder : environment->project,
				.variables = variables.items,
				.timeout_s = COMMAND_SECONDS };
	int r;

	(void)parse_duration(sandbox_text(command, "timeout"), &what.timeout_s);
	add_variables(environment, phase, &variables);
	if (variables.failed < 0)
		return err_set(err, variables.failed, "out of memory");
	r = hostrun(&what, err);
	return r > 0 ? err_set(err, -EIO, "the %s command '%s' ended with status %d", phase,
			       sandbox_text(command, "command"), r)
		     : r;
}

int environment_commands(const struct environment *environment, const char *phase, struct err *err)
{
	const json_t *command;
	size_t i;
	int r = 0;

	json_array_foreach(environment_get(environment, "lifecycle", phase), i, command)
	{
		if (r == 0)
			r = run_command(environment, phase, command, err);
	}
	return r;
}
