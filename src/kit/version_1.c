/*
 * Schema version 1 said in the words of version 2. Its four ways to describe
 * one credential (sources, serviceDomains, serviceAuth, proxyManaged) meet in
 * one entry for each service.
 */
#include "kit/version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"
#include "kit/kit.h"
#include "kit/text.h"

static json_t *at(const json_t *object, const char *key, const char *below)
{
	return json_object_get(json_object_get(object, key), below);
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* The member of that name, made when it is not there; weak. */
static json_t *object_of(json_t *object, const char *key)
{
	if (json_object_get(object, key) == NULL)
		(void)json_object_set_new(object, key, json_object());
	return json_object_get(object, key);
}

static int take(json_t *to, const char *name, json_t *value)
{
	return value != NULL ? json_object_set(to, name, value) : 0;
}

static int warn_of(struct kit *kit, const json_t *old)
{
	static const struct {
		const char *key, *below, *now; /* now NULL: it has no effect */
	} rows[] = {
		{ "agent", NULL, "sandbox" },
		{ "sandbox", "aiFilename", "agentInstructions.filename" },
		{ "sandbox", "entrypoint", "sandbox.entrypoint as a list, and sandbox.command" },
		{ "sandbox", "persistence", NULL },
		{ "memory", NULL, "agentInstructions.content" },
		{ "agentContext", NULL, "agentInstructions.content" },
		{ "network", "allowedDomains", "permissions.network.allow" },
		{ "network", "deniedDomains", "permissions.network.deny" },
		{ "network", "serviceDomains", "credentials with apiKey.inject" },
		{ "network", "serviceAuth", "credentials with apiKey.inject" },
		{ "network", "publishedPorts", "ports" },
		{ "publishedPorts", NULL, "ports" },
		{ "credentials", "sources", "credentials as a list" },
		{ "oauth", NULL, "credentials with oauth" },
		{ "environment", "proxyManaged", "credentials with apiKey.name" },
		{ "commands", NULL, "setup" },
		{ "tmpfs", NULL, "volumes as a list, with type: tmpfs" },
		{ "volumes", NULL, "volumes as a list" },
		{ "settings", NULL, NULL },
		{ "kitDir", NULL, NULL },
		{ "persistence", NULL, NULL },
	};
	const char *name = kit->document.name;
	int r = kit_warn(kit, "%s: schema version 1 is an older form; write version 2", name);

	for (size_t i = 0; i < countof(rows); i++) {
		json_t *member = json_object_get(old, rows[i].key);
		const char *dot = rows[i].below != NULL ? "." : "";
		const char *below = rows[i].below != NULL ? rows[i].below : "";

		if (rows[i].below != NULL)
			member = json_object_get(member, rows[i].below);
		if (member == NULL)
			continue;
		if (rows[i].now == NULL)
			r |= kit_warn(kit, "%s: %s%s%s has no effect", name, rows[i].key, dot,
				      below);
		else
			r |= kit_warn(kit, "%s: %s%s%s is now %s", name, rows[i].key, dot, below,
				      rows[i].now);
	}
	return r;
}

static int fold_identity(const json_t *old, json_t *spec)
{
	static const char *const same[] = { "name",	 "version",  "displayName", "description",
					    "sourceURL", "licenses", "security",    "extends" };
	const char *kind = text(old, "kind");
	int r = json_object_set_new(spec, "schemaVersion", json_string("2"));

	r |= json_object_set_new(spec, "kind",
				 json_string(strcmp(kind, "agent") == 0 ? "sandbox" : kind));
	for (size_t i = 0; i < countof(same); i++)
		r |= take(spec, same[i], json_object_get(old, same[i]));
	return r;
}

static int fold_sandbox(const json_t *old, json_t *spec)
{
	const json_t *from = json_object_get(old, "sandbox"), *resources, *entrypoint;
	double memory;
	json_t *to;
	int r;

	if (from == NULL)
		from = json_object_get(old, "agent");
	if (from == NULL)
		return 0;
	to = object_of(spec, "sandbox");
	entrypoint = json_object_get(from, "entrypoint");
	resources = json_object_get(from, "resources");
	r = take(to, "image", json_object_get(from, "image"));
	r |= take(to, "entrypoint", json_object_get(entrypoint, "run"));
	if (json_object_get(entrypoint, "args") != NULL ||
	    json_object_get(entrypoint, "ttyArgs") != NULL) {
		r |= take(object_of(to, "command"), "default", json_object_get(entrypoint, "args"));
		r |= take(object_of(to, "command"), "interactive",
			  json_object_get(entrypoint, "ttyArgs"));
	}
	r |= take(object_of(to, "resources"), "cpu", json_object_get(resources, "cpu"));
	memory = json_number_value(json_object_get(resources, "memoryMB"));
	if (memory > 0 && memory < 1e9)
		r |= json_object_set_new(object_of(to, "resources"), "memory",
					 json_sprintf("%.0fm", memory));
	return r | take(object_of(spec, "agentInstructions"), "filename",
			json_object_get(from, "aiFilename"));
}

static int fold_plain(const json_t *old, json_t *spec)
{
	json_t *instructions = object_of(spec, "agentInstructions");
	json_t *network = object_of(object_of(spec, "permissions"), "network");
	json_t *setup = object_of(spec, "setup");
	json_t *ports = json_array();
	int r = json_object_set_new(spec, "ports", ports);

	r |= take(instructions, "content", json_object_get(old, "memory"));
	r |= take(instructions, "content", json_object_get(old, "agentContext"));
	r |= take(network, "allow", at(old, "network", "allowedDomains"));
	r |= take(network, "deny", at(old, "network", "deniedDomains"));
	r |= take(setup, "install", at(old, "commands", "install"));
	r |= take(setup, "startup", at(old, "commands", "startup"));
	r |= take(setup, "files", at(old, "commands", "initFiles"));
	r |= take(object_of(spec, "environment"), "variables", at(old, "environment", "variables"));
	if (json_object_get(old, "publishedPorts") != NULL)
		r |= json_array_extend(ports, json_object_get(old, "publishedPorts"));
	if (at(old, "network", "publishedPorts") != NULL)
		r |= json_array_extend(ports, at(old, "network", "publishedPorts"));
	return r;
}

/* A size as its text; "" says none. */
static int add_volume(const struct kit *kit, json_t *volumes, json_t *volume, json_t *size,
		      struct err *err)
{
	const char *value = json_string_value(size);
	uint64_t bytes;
	int r = 0;

	if (*value != '\0' && parse_size(value, &bytes) < 0)
		r = err_set(err, -EBADMSG, "%s: '%s' of %s must be a size, like 512m",
			    kit->document.name, value, text(volume, "path"));
	else if (*value != '\0')
		r = json_object_set(volume, "size", size);
	if (r == 0)
		r = json_array_append(volumes, volume);
	json_decref(volume);
	return r;
}

/* Lists of volumes, or mappings of paths to sizes. */
static int fold_volumes(const struct kit *kit, const json_t *old, json_t *spec, struct err *err)
{
	static const struct {
		const char *key, *type;
	} rows[] = { { "volumes", "" }, { "tmpfs", "tmpfs" } };
	json_t *volumes = json_array(), *value;
	const char *path;
	size_t at;
	int r = json_object_set_new(spec, "volumes", volumes);

	for (size_t i = 0; i < countof(rows); i++) {
		json_t *from = json_object_get(old, rows[i].key);

		json_object_foreach(from, path, value)
		{
			if (r == 0)
				r = add_volume(
					kit, volumes,
					json_pack("{s:s, s:s}", "path", path, "type", rows[i].type),
					value, err);
		}
		json_array_foreach(from, at, value)
		{
			if (rows[i].type[0] != '\0')
				r |= json_object_set_new(value, "type", json_string(rows[i].type));
			r |= json_array_append(volumes, value);
		}
	}
	return r;
}

/* The service that a variable's name tells, as in GROQ_API_KEY. Owned by the caller. */
static char *service_of(const char *variable)
{
	static const char *const ends[] = { "_api_key", "_token", "_key", "_secret" };
	char *name;

	if (strcmp(variable, "GH_TOKEN") == 0 || strcmp(variable, "GITHUB_TOKEN") == 0)
		return strdup("github");
	name = strdup(variable);
	for (char *c = name; c != NULL && *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	for (size_t i = 0; name != NULL && i < countof(ends); i++) {
		size_t length = strlen(name), end = strlen(ends[i]);

		if (length > end && strcmp(name + length - end, ends[i]) == 0) {
			name[length - end] = '\0';
			break;
		}
	}
	return name;
}

/* services: object of credentials by service. */
static int fold_sources(const json_t *old, json_t *services)
{
	const char *service;
	json_t *source;
	int r = 0;

	json_object_foreach(at(old, "credentials", "sources"), service, source)
	{
		json_t *credential = object_of(services, service);

		r |= take(credential, "required", json_object_get(source, "required"));
		r |= take(object_of(credential, "apiKey"), "name",
			  json_array_get(json_object_get(source, "env"), 0));
	}
	return r;
}

static int fold_domains(const json_t *old, json_t *services)
{
	const json_t *auths = at(old, "network", "serviceAuth");
	const char *domain;
	json_t *service;
	int r = 0;

	json_object_foreach(at(old, "network", "serviceDomains"), domain, service)
	{
		const char *name = json_string_value(service);
		json_t *key = object_of(object_of(services, name), "apiKey");
		json_t *inject = json_pack("{s:s}", "domain", domain);

		r |= take(inject, "header", at(auths, name, "headerName"));
		r |= take(inject, "format", at(auths, name, "valueFormat"));
		if (json_object_get(key, "inject") == NULL)
			r |= json_object_set_new(key, "inject", json_array());
		r |= json_array_append_new(json_object_get(key, "inject"), inject);
	}
	return r;
}

/* The service whose source names the variable, or the one that the variable names. */
static int fold_managed(const json_t *old, json_t *services)
{
	json_t *variable;
	size_t i;
	int r = 0;

	json_array_foreach(at(old, "environment", "proxyManaged"), i, variable)
	{
		const char *name = json_string_value(variable), *service;
		autofree char *derived = service_of(name);
		json_t *credential, *found = NULL;

		json_object_foreach(
			services, service,
			credential) if (text(json_object_get(credential, "apiKey"), "name") !=
						NULL &&
					strcmp(text(json_object_get(credential, "apiKey"), "name"),
					       name) == 0) found = credential;
		if (found == NULL && derived != NULL)
			found = object_of(services, derived);
		if (at(found, "apiKey", "name") == NULL)
			r |= take(object_of(found, "apiKey"), "name", variable);
		r |= json_object_set_new(object_of(found, "apiKey"), "proxyManaged", json_true());
	}
	return r;
}

/* A key without variable and headers only says which hosts the login is for. */
static int fold_routing(json_t *credential, json_t *oauth)
{
	json_t *key = json_object_get(credential, "apiKey"), *hosts = json_array(), *inject;
	const char *token_host = json_string_value(at(oauth, "tokenEndpoint", "host"));
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(key, "inject"), i, inject)
	{
		if (json_object_get(inject, "header") != NULL)
			r = 1;
		else if (strcmp(text(inject, "domain"), token_host) != 0)
			(void)json_array_append(hosts, json_object_get(inject, "domain"));
	}
	if (r == 0 && key != NULL && json_object_get(key, "name") == NULL) {
		(void)json_object_del(credential, "apiKey");
		return json_object_set_new(oauth, "resourceHosts", hosts);
	}
	json_decref(hosts);
	return 0;
}

static int fold_oauth(const json_t *old, json_t *services)
{
	static const char *const same[] = { "tokenEndpoint", "sentinels", "credentialFile",
					    "responseFields" };
	const json_t *from = json_object_get(old, "oauth");
	json_t *credential, *to;
	int r = 0;

	if (from == NULL)
		return 0;
	credential = object_of(services, text(from, "service"));
	to = object_of(credential, "oauth");
	for (size_t i = 0; i < countof(same); i++)
		r |= take(to, same[i], json_object_get(from, same[i]));
	r |= take(to, "passthrough", json_object_get(from, "passthroughResponse"));
	return r | fold_routing(credential, to);
}

/* Names of services have no _ any more. */
static json_t *dashed(const char *service)
{
	autofree char *name = strdup(service);

	for (char *c = name; c != NULL && *c != '\0'; c++)
		if (*c == '_')
			*c = '-';
	return name != NULL ? json_string(name) : NULL;
}

static int fold_credentials(const json_t *old, json_t *spec)
{
	json_t *services = json_object(), *list = json_array(), *credential;
	const char *service;
	int r = json_object_set_new(spec, "credentials", list);

	r |= fold_sources(old, services);
	r |= fold_domains(old, services);
	r |= fold_managed(old, services);
	r |= fold_oauth(old, services);
	json_object_foreach(services, service, credential)
	{
		r |= json_object_set_new(credential, "service", dashed(service));
		r |= json_array_append(list, credential);
	}
	json_decref(services);
	return r;
}

static int check_kind(const struct kit *kit, const json_t *old, struct err *err)
{
	bool has_sandbox =
		json_object_get(old, "sandbox") != NULL || json_object_get(old, "agent") != NULL;
	const char *image = json_string_value(at(kit->spec, "sandbox", "image"));

	if (kit_is_mixin(kit))
		return has_sandbox ? err_set(err, -EBADMSG, "%s: a mixin has no sandbox",
					     kit->document.name)
				   : 0;
	if (image == NULL && text(old, "extends") == NULL)
		return err_set(err, -EBADMSG,
			       "%s: a sandbox kit needs sandbox.image, unless it extends another",
			       kit->document.name);
	return 0;
}

int version_1_fold(struct kit *kit, struct err *err)
{
	json_t *old = kit->spec;
	int r;

	kit->spec = json_object();
	r = warn_of(kit, old);
	r |= fold_identity(old, kit->spec);
	r |= fold_sandbox(old, kit->spec);
	r |= fold_plain(old, kit->spec);
	r |= fold_credentials(old, kit->spec);
	if (r == 0)
		r = fold_volumes(kit, old, kit->spec, err);
	if (r < 0 && r != -EBADMSG)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = check_kind(kit, old, err);
	json_decref(old);
	return r;
}
