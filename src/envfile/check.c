#include "envfile/check.h"

#include <errno.h>
#include <stdbool.h>

#include "base/err.h"

static size_t count_of(const json_t *object, const char *const *keys)
{
	size_t count = 0;

	for (; *keys != NULL; keys++)
		count += json_object_get(object, *keys) != NULL;
	return count;
}

/* A secret, and what it may come from. */
static int check_source(const json_t *source, const char *what, const char *name, struct err *err)
{
	static const char *const sources[] = { "value", "ref", "command", NULL };

	return count_of(source, sources) == 1
		       ? 0
		       : err_set(err, -EINVAL,
				 "the %s '%s' must have one of value, ref and command", what, name);
}

static int check_secret(const char *service, const json_t *secret, struct err *err)
{
	static const char *const lasting[] = { "refresh", "noVerify", NULL };
	int r = check_source(secret, "secret", service, err);

	if (r < 0 || !json_is_true(json_object_get(secret, "snapshot")))
		return r;
	return count_of(secret, lasting) == 0
		       ? 0
		       : err_set(err, -EINVAL,
				 "the secret '%s' is a snapshot, asked for once: it has no refresh "
				 "and no noVerify",
				 service);
}

static int check_secrets(const json_t *env, struct err *err)
{
	const char *service;
	json_t *secret;

	json_object_foreach(json_object_get(env, "secrets"), service, secret)
	{
		int r = check_secret(service, secret, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_registries(const json_t *env, struct err *err)
{
	const char *host;
	json_t *registry;

	json_object_foreach(json_object_get(env, "registries"), host, registry)
	{
		const json_t *username = json_object_get(registry, "username");
		int r = check_source(json_object_get(registry, "secret"), "secret of the registry",
				     host, err);

		if (r == 0 && username != NULL)
			r = check_source(username, "username of the registry", host, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_servers(const json_t *env, struct err *err)
{
	static const char *const kinds[] = { "url", "command", NULL };
	const json_t *server;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(env, "mcp"), "servers"), i, server)
	{
		if (count_of(server, kinds) != 1)
			return err_set(err, -EINVAL,
				       "the MCP server '%s' must have one of url and command",
				       json_string_value(json_object_get(server, "name")));
	}
	return 0;
}

static int check_args(const json_t *env, struct err *err)
{
	static const char *const limits[] = { "enum", "pattern", NULL };
	const char *name;
	json_t *argument;

	json_object_foreach(json_object_get(env, "args"), name, argument)
	{
		bool has_default = json_object_get(argument, "default") != NULL;

		if (has_default == json_is_true(json_object_get(argument, "required")))
			return err_set(err, -EINVAL,
				       "the argument '%s' must have one of default and required: "
				       "true",
				       name);
		if (count_of(argument, limits) > 1)
			return err_set(err, -EINVAL,
				       "the argument '%s' cannot have both enum and pattern", name);
	}
	return 0;
}

int envfile_check(const json_t *env, struct err *err)
{
	int r = 0;

	if (json_object_get(env, "schemaVersion") == NULL)
		return err_set(err, -EINVAL, "no file says its schema: schemaVersion: \"1\"");
	if (json_object_get(env, "agent") == NULL)
		return err_set(err, -EINVAL, "no file says which agent runs: agent: shell");
	r = check_args(env, err);
	if (r == 0)
		r = check_secrets(env, err);
	if (r == 0)
		r = check_registries(env, err);
	return r < 0 ? r : check_servers(env, err);
}
