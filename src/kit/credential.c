#include "kit/credential.h"

#include <stddef.h>
#include <string.h>

struct renaming {
	const char *from, *to;
};

/* The members of from that the table names, under their new names. */
static json_t *renamed(const json_t *from, const struct renaming *table)
{
	json_t *to = json_object();

	for (; table->from != NULL; table++) {
		json_t *value = json_object_get(from, table->from);

		if (value != NULL && json_object_set(to, table->to, value) < 0) {
			json_decref(to);
			return NULL;
		}
	}
	return to;
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_t *resolve_inject(const json_t *inject)
{
	const char *scheme = text(inject, "scheme"), *header = text(inject, "header");
	const char *format = text(inject, "format");
	json_t *rule = json_object();
	int r = json_object_set(rule, "domain", json_object_get(inject, "domain"));

	if (scheme != NULL && strcmp(scheme, "basic") == 0) {
		r |= json_object_set(rule, "scheme", json_object_get(inject, "scheme"));
		r |= json_object_set(rule, "username", json_object_get(inject, "username"));
	} else {
		if (format == NULL)
			format = header != NULL && scheme == NULL ? "%s" : "Bearer %s";
		r |= json_object_set_new(rule, "header",
					 json_string(header != NULL ? header : "Authorization"));
		r |= json_object_set_new(rule, "format", json_string(format));
	}
	if (r == 0)
		return rule;
	json_decref(rule);
	return NULL;
}

static json_t *resolve_api_key(const json_t *key)
{
	static const struct renaming members[] = { { "name", "env" },
						   { "proxyManaged", "proxy_managed" },
						   { NULL, NULL } };
	json_t *resolved = renamed(key, members), *injects = json_array(), *inject;
	size_t i;
	int r = json_object_set_new(resolved, "inject", injects);

	json_array_foreach(json_object_get(key, "inject"), i, inject) r |=
		json_array_append_new(injects, resolve_inject(inject));
	if (r == 0)
		return resolved;
	json_decref(resolved);
	return NULL;
}

static json_t *resolve_oauth(const json_t *oauth)
{
	static const struct renaming members[] = { { "tokenEndpoint", "token_endpoint" },
						   { "resourceHosts", "resource_hosts" },
						   { "passthrough", "passthrough" },
						   { "credentialFile", "credential_file" },
						   { NULL, NULL } };
	static const struct renaming sentinels[] = { { "accessToken", "access_token" },
						     { "refreshToken", "refresh_token" },
						     { NULL, NULL } };
	static const struct renaming fields[] = { { "accessToken", "access_token" },
						  { "refreshToken", "refresh_token" },
						  { "expiresIn", "expires_in" },
						  { "scope", "scope" },
						  { NULL, NULL } };
	json_t *resolved = renamed(oauth, members);
	int r = 0;

	if (json_object_get(oauth, "sentinels") != NULL)
		r |= json_object_set_new(resolved, "sentinels",
					 renamed(json_object_get(oauth, "sentinels"), sentinels));
	if (json_object_get(oauth, "responseFields") != NULL)
		r |= json_object_set_new(resolved, "response_fields",
					 renamed(json_object_get(oauth, "responseFields"), fields));
	if (r == 0)
		return resolved;
	json_decref(resolved);
	return NULL;
}

json_t *credential_resolve(const json_t *credential)
{
	static const struct renaming members[] = { { "service", "service" },
						   { "description", "description" },
						   { NULL, NULL } };
	const json_t *key = json_object_get(credential, "apiKey");
	const json_t *oauth = json_object_get(credential, "oauth");
	json_t *resolved = renamed(credential, members);
	int r = json_object_set_new(
		resolved, "required",
		json_boolean(json_is_true(json_object_get(credential, "required"))));

	if (key != NULL)
		r |= json_object_set_new(resolved, "api_key", resolve_api_key(key));
	if (oauth != NULL)
		r |= json_object_set_new(resolved, "oauth", resolve_oauth(oauth));
	if (r == 0)
		return resolved;
	json_decref(resolved);
	return NULL;
}
