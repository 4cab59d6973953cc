#include "sbx/environment_plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terminal.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/format.h"
#include "kit/digest.h"
#include "sbx/environment.h"
#include "sbx/sandbox.h"

/* What a line of the plan needs: the user's word, and how often. */
enum needs {
	NEEDS_NOTHING,
	NEEDS_WORD,    /* once, and again when the line changes */
	NEEDS_COMMAND, /* each time, unless the user had it remembered: see environment_approval.h
			*/
};

__attribute__((format(printf, 4, 5))) static int add(json_t *plan, const char *kind,
						     enum needs needs, const char *format, ...)
{
	autofree char *text = NULL;
	va_list list;

	va_start(list, format);
	text = format_text(format, list);
	va_end(list);
	if (text == NULL)
		return -ENOMEM;
	return json_array_append_new(plan, json_pack("{s:s, s:b, s:b, s:s}", "kind", kind, "host",
						     needs != NEEDS_NOTHING, "command",
						     needs == NEEDS_COMMAND, "text", text));
}

/* Keys of the schema that mean something which sbx does not have: told, not left out quietly. */
static const struct {
	const char *key, *member, *why;
} missing[] = {
	{ "sandboxOptions", "profile",
	  "a profile comes from the account of an organisation, and sbx knows no accounts" },
	{ "sandboxOptions", "display",
	  "a sandbox has no display; publish a port for what shows pictures" },
	{ "sandboxOptions", "gpu", "a sandbox has no GPU: it has virtio devices only" },
	{ "sandboxOptions", "usb", "a sandbox has no USB: it has virtio devices only" },
	{ "mcp", "servers",
	  "sbx runs no gateway for MCP servers; name the server in the agent's own settings, and "
	  "allow its host by sbx policy allow" },
};

static bool is_something(const json_t *value)
{
	return value != NULL && !json_is_false(value) &&
	       !(json_is_array(value) && json_array_size(value) == 0);
}

static int refuse(const char *key, const char *member, const char *why, struct err *err)
{
	return err_set(err, -EOPNOTSUPP, "'%s.%s' of the environment cannot be had: %s", key,
		       member, why);
}

static int refuse_missing(const struct environment *environment, struct err *err)
{
	const char *skills = environment_text(environment, "sandboxOptions", "skills");
	const char *service;
	json_t *secret;

	for (size_t i = 0; i < countof(missing); i++)
		if (is_something(environment_get(environment, missing[i].key, missing[i].member)))
			return refuse(missing[i].key, missing[i].member, missing[i].why, err);
	if (*skills != '\0' && strcmp(skills, "off") != 0)
		return refuse("sandboxOptions", "skills",
			      "sandboxes share no store of skills; say off, and share a folder by "
			      "additionalWorkspaces",
			      err);
	json_object_foreach(json_object_get(environment->env, "secrets"), service, secret)
	{
		if (strcmp(sandbox_text(secret, "backend"), "sdk") == 0)
			return refuse("secrets", service,
				      "references are resolved by the vault's command line, which "
				      "is backend: cli",
				      err);
	}
	return 0;
}

/* A user's name is asked for here, where references mean nothing. */
static int refuse_usernames(const struct environment *environment, struct err *err)
{
	const char *host;
	json_t *registry;

	json_object_foreach(json_object_get(environment->env, "registries"), host, registry)
	{
		if (json_object_get(json_object_get(registry, "username"), "ref") != NULL)
			return refuse("registries", host,
				      "a username is no secret; say its value, or a command that "
				      "prints it",
				      err);
	}
	return 0;
}

static int plan_shares(const struct environment *environment, json_t *plan)
{
	const char *path = environment_text(environment, "workspace", "path");
	bool is_clone = json_is_true(environment_get(environment, "workspace", "clone"));
	const json_t *item;
	size_t i;
	int r = 0;

	if (*path != '\0')
		r |= add(plan, "share", NEEDS_WORD, is_clone ? "%s (as a clone)" : "%s", path);
	json_array_foreach(environment_get(environment, "additionalWorkspaces", NULL), i, item)
	{
		bool read_only = json_is_true(json_object_get(item, "readOnly"));

		r |= add(plan, "share", NEEDS_WORD, "%s%s", sandbox_text(item, "path"),
			 read_only ? " (read-only)" : "");
	}
	return r;
}

static int plan_ports(const struct environment *environment, json_t *plan)
{
	const json_t *port;
	size_t i;
	int r = 0;

	json_array_foreach(environment_get(environment, "ports", NULL), i, port)
	{
		const char *host = sandbox_text(port, "host"),
			   *address = sandbox_text(port, "hostIP");
		const char *protocol = sandbox_text(port, "protocol");

		r |= add(plan, "publish", NEEDS_WORD, "%s:%s -> %s/%s",
			 *address != '\0' ? address : "loopback", *host != '\0' ? host : "any",
			 sandbox_text(port, "sandbox"), *protocol != '\0' ? protocol : "tcp4");
	}
	return r;
}

static int plan_kits(const struct environment *environment, json_t *plan)
{
	const json_t *kit;
	size_t i;
	int r = 0;

	json_array_foreach(environment_get(environment, "kits", NULL), i, kit)
	{
		r |= add(plan, "kit", NEEDS_WORD, "%s", sandbox_text(kit, "source"));
	}
	for (char **value = environment->kit_args; *value != NULL; value++)
		r |= add(plan, "kit", NEEDS_WORD, "argument %s", *value);
	return r;
}

/* "LABEL: " and where the value of {value, ref, command} comes from. */
static int plan_source(const char *kind, const char *label, const json_t *source, json_t *plan)
{
	const char *value = sandbox_text(source, "value"), *ref = sandbox_text(source, "ref");
	const char *once = json_is_true(json_object_get(source, "snapshot")) ? " (once)" : "";
	char digest[DIGEST_TEXT_SIZE];

	digest_text(value, strlen(value), digest);
	if (*value != '\0')
		return add(plan, kind, NEEDS_WORD, "%s: a value with %s", label, digest);
	if (*ref != '\0')
		return add(plan, kind, NEEDS_WORD, "%s: from %s%s", label, ref, once);
	return add(plan, kind, NEEDS_COMMAND, "%s: printed by: %s%s", label,
		   sandbox_text(source, "command"), once);
}

static int plan_secrets(const struct environment *environment, bool skip_commands, json_t *plan)
{
	const char *service;
	json_t *secret;
	int r = 0;

	json_object_foreach(json_object_get(environment->env, "secrets"), service, secret)
	{
		if (!skip_commands || json_object_get(secret, "command") == NULL)
			r |= plan_source("secret", service, secret, plan);
	}
	return r;
}

static int plan_registries(const struct environment *environment, bool skip_commands, json_t *plan)
{
	const char *host;
	json_t *registry;
	int r = 0;

	json_object_foreach(json_object_get(environment->env, "registries"), host, registry)
	{
		const json_t *username = json_object_get(registry, "username");

		if (skip_commands && environment_registry_runs(registry))
			continue;
		if (username != NULL)
			r |= plan_source("username", host, username, plan);
		r |= plan_source("login", host, json_object_get(registry, "secret"), plan);
	}
	return r;
}

static int plan_domains(const char *service, const char *what, const json_t *binding, json_t *plan)
{
	json_t *host;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(binding, "domains"), i, host)
	{
		r |= add(plan, "bind", NEEDS_WORD, "%s: %s may be sent to %s, by every kit",
			 service, what, json_string_value(host));
	}
	return r;
}

static int plan_bindings(const struct environment *environment, json_t *plan)
{
	const char *service;
	json_t *binding;
	int r = 0;

	json_object_foreach(json_object_get(environment->env, "bindings"), service, binding)
	{
		r |= plan_domains(service, "its key", json_object_get(binding, "apiKey"), plan);
		r |= plan_domains(service, "its login", json_object_get(binding, "oauth"), plan);
	}
	return r;
}

static int plan_phase(const struct environment *environment, const char *phase, json_t *plan)
{
	const json_t *command;
	size_t i;
	int r = 0;

	json_array_foreach(environment_get(environment, "lifecycle", phase), i, command)
	{
		const char *folder = sandbox_text(command, "workdir");
		const char *name = sandbox_text(command, "name");

		r |= add(plan, "command", NEEDS_COMMAND, "%s%s%s, in %s: %s", phase,
			 *name != '\0' ? " " : "", name,
			 *folder != '\0' ? folder : environment->project,
			 sandbox_text(command, "command"));
	}
	return r;
}

static int take(int failed, json_t *plan, json_t **ret, struct err *err)
{
	if (failed != 0) {
		json_decref(plan);
		return err_set(err, -EINVAL, "a text of the environment is not UTF-8");
	}
	*ret = plan;
	return 0;
}

int environment_plan(const struct environment *environment, bool skip_commands, json_t **ret,
		     struct err *err)
{
	json_t *plan;
	int r = refuse_missing(environment, err);

	if (r == 0)
		r = refuse_usernames(environment, err);
	if (r < 0)
		return r;
	plan = json_array();
	r = add(plan, "sandbox", NEEDS_NOTHING, "%s, agent %s", environment->name,
		environment_text(environment, "agent", NULL));
	r |= plan_shares(environment, plan);
	r |= plan_ports(environment, plan);
	r |= plan_kits(environment, plan);
	r |= plan_secrets(environment, skip_commands, plan);
	r |= plan_registries(environment, skip_commands, plan);
	r |= plan_bindings(environment, plan);
	if (!skip_commands) {
		r |= plan_phase(environment, "initialize", plan);
		r |= plan_phase(environment, "postCreate", plan);
	}
	return take(r, plan, ret, err);
}

int environment_plan_removal(const struct environment *environment, bool skip_commands,
			     bool prune_bindings, json_t **ret, struct err *err)
{
	json_t *plan = json_array(), *binding;
	const char *service;
	int r = 0;

	if (!skip_commands)
		r |= plan_phase(environment, "preRemove", plan);
	json_object_foreach(prune_bindings ? json_object_get(environment->env, "bindings") : NULL,
			    service, binding)
	{
		r |= add(plan, "unbind", NEEDS_WORD,
			 "%s: its key and its login may be sent nowhere without a question",
			 service);
	}
	return take(r, plan, ret, err);
}

void environment_plan_print(const json_t *plan)
{
	const json_t *step;
	size_t i;

	json_array_foreach(plan, i, step)
	{
		(void)fprintf(stderr, "%-8s  ", sandbox_text(step, "kind"));
		(void)terminal_print_safe(stderr, sandbox_text(step, "text"));
		(void)fputc('\n', stderr);
	}
}
