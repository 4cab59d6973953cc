#include "sbx/environment_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"
#include "sbx/environment.h"
#include "sbx/hostrun.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

enum { WORDS_MAX = 512, COMMAND_SECONDS = 600, TEXT_MAX = 1 << 20 };

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
		char *spec;

		if (asprintf(&spec, "%s%s%s%s%s%s%s", address, *address != '\0' ? ":" : "", host,
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
		const char *name;
		json_t *value;

		add_option(words, "--kit", sandbox_text(kit, "source"));
		json_object_foreach(json_object_get(kit, "args"), name, value)
		{
			add(words, "--kit-arg");
			add_made(words, join(name, "=", json_string_value(value)));
		}
	}
}

/* The files are in the sandbox read-only: where the workspace holds them, over the workspace. */
static void add_paths(const struct environment *environment, struct words *words)
{
	const char *workspace = environment_text(environment, "workspace", "path");
	bool is_clone = json_is_true(environment_get(environment, "workspace", "clone"));
	const json_t *item;
	size_t i;

	if (*workspace == '\0')
		return;
	add(words, workspace);
	json_array_foreach(environment_get(environment, "additionalWorkspaces", NULL), i, item)
	{
		bool read_only = json_is_true(json_object_get(item, "readOnly"));

		add_made(words, join(sandbox_text(item, "path"), read_only ? ":ro" : "", ""));
	}
	for (i = 0; !is_clone && i < environment->files_count; i++)
		add_made(words, join(environment->files[i], ":ro", ""));
}

static int create(const struct environment *environment, struct err *err)
{
	autocall(words_finish) struct words words = { .count = 0 };
	autocall(buf_finish) struct buf variables;

	buf_init(&variables, TEXT_MAX);
	if (make_variables(environment, &variables, err) < 0)
		return err->code;
	add(&words, "sbx");
	add(&words, "create");
	add_option(&words, "--name", environment->name);
	add_option(&words, "--env-file", "/dev/fd/3");
	add_option(&words, "--template",
		   environment_text(environment, "sandboxOptions", "template"));
	add_option(&words, "--memory", environment_text(environment, "sandboxOptions", "memory"));
	add_option(&words, "--cpus", environment_text(environment, "sandboxOptions", "cpus"));
	add_ports(environment, &words);
	add_kits(environment, &words);
	if (json_is_true(environment_get(environment, "workspace", "clone")))
		add(&words, "--clone");
	add(&words, "--");
	add(&words, environment_text(environment, "agent", NULL));
	add_paths(environment, &words);
	return run_words(&words, NULL, buf_str(&variables), err);
}

static int set_secret(const struct environment *environment, const char *service,
		      const json_t *secret, struct err *err)
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
	if (json_is_true(json_object_get(secret, "noVerify")))
		add(&words, "--no-verify");
	add(&words, service);
	return run_words(&words, *value != '\0' ? value : NULL, NULL, err);
}

int environment_create(const struct environment *environment, struct err *err)
{
	const char *service;
	json_t *secret;
	int r = create(environment, err);

	json_object_foreach(json_object_get(environment->env, "secrets"), service, secret)
	{
		bool is_any = json_object_get(secret, "value") != NULL ||
			      json_object_get(secret, "ref") != NULL ||
			      json_object_get(secret, "command") != NULL;

		if (r == 0 && is_any)
			r = set_secret(environment, service, secret, err);
	}
	return r;
}

int environment_attach(const struct environment *environment, const char *option,
		       const char *const *more, struct err *err)
{
	autocall(words_finish) struct words words = { .count = 0 };
	autocall(buf_finish) struct buf variables;

	buf_init(&variables, TEXT_MAX);
	if (make_variables(environment, &variables, err) < 0)
		return err->code;
	add(&words, "sbx");
	add(&words, "run");
	add_option(&words, "--name", environment->name);
	add_option(&words, "--env-file", "/dev/fd/3");
	if (option != NULL)
		add(&words, option);
	if (*more != NULL)
		add(&words, "--");
	for (; *more != NULL; more++)
		add(&words, *more);
	return run_words(&words, NULL, buf_str(&variables), err);
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
