#include "envfile/grammar.h"

#include <ctype.h>
#include <string.h>

#include "base/parse.h"
#include "kit/text.h"

enum { NAME_LEAST = 2, NAME_MOST = 63 };

bool envfile_is_name(const char *text)
{
	size_t len = strlen(text);

	if (len < NAME_LEAST || len > NAME_MOST || !isalnum((unsigned char)text[0]) ||
	    !isalnum((unsigned char)text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '.')
			return false;
	return strcmp(text, "default") != 0;
}

bool envfile_is_variable(const char *text)
{
	if (!isalpha((unsigned char)text[0]) && text[0] != '_')
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && *text != '_')
			return false;
	return true;
}

static const char *check_version(const char *text)
{
	return strcmp(text, "1") == 0 ? NULL : "\"1\"";
}

static const char *check_name(const char *text)
{
	return envfile_is_name(text) ? NULL
				     : "2 to 63 letters, digits, '-' and '.', and not 'default'";
}

static const char *check_variable(const char *text)
{
	return envfile_is_variable(text) ? NULL : "the name of a variable";
}

static const char *check_skills(const char *text)
{
	return strcmp(text, "off") == 0 || strcmp(text, "readonly") == 0 ||
			       strcmp(text, "readwrite") == 0
		       ? NULL
		       : "off, readonly or readwrite";
}

static const char *check_backend(const char *text)
{
	return strcmp(text, "sdk") == 0 || strcmp(text, "cli") == 0 ? NULL : "sdk or cli";
}

static const char *check_duration(const char *text)
{
	uint64_t seconds;

	return parse_duration(text, &seconds) == 0 && seconds > 0 ? NULL : "a span like 10m";
}

static const char *check_cpus(const char *text)
{
	uint64_t cpus;

	return parse_u64(text, 4096, &cpus) == 0 ? NULL : "a number of processors";
}

static const char *check_pull(const char *text)
{
	return strcmp(text, "always") == 0 || strcmp(text, "missing") == 0 ||
			       strcmp(text, "never") == 0
		       ? NULL
		       : "always, missing or never";
}

static const char *check_protocol(const char *text)
{
	static const char *const known = " tcp tcp4 tcp6 udp udp4 udp6 ";
	const char *at = strstr(known, text);

	return at != NULL && *text != '\0' && at > known && at[-1] == ' ' && at[strlen(text)] == ' '
		       ? NULL
		       : "tcp, udp, or one of them with 4 or 6";
}

static const struct rule argument[] = {
	{ .key = "default", .kind = RULE_TEXT },     { .key = "required", .kind = RULE_BOOL },
	{ .key = "description", .kind = RULE_TEXT }, { .key = "enum", .kind = RULE_TEXTS },
	{ .key = "pattern", .kind = RULE_TEXT },     { .key = NULL },
};

static const struct rule additional[] = {
	{ .key = "path", .kind = RULE_TEXT, .is_required = true, .check = text_filled },
	{ .key = "readOnly", .kind = RULE_BOOL },
	{ .key = NULL },
};

static const struct rule options[] = {
	{ .key = "template", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "memory", .kind = RULE_TEXT, .check = text_size },
	{ .key = "cpus", .kind = RULE_TEXT, .check = check_cpus },
	{ .key = "pullPolicy", .kind = RULE_TEXT, .check = check_pull },
	{ .key = "profile", .kind = RULE_TEXT },
	{ .key = "skills", .kind = RULE_TEXT, .check = check_skills },
	{ .key = "display", .kind = RULE_BOOL },
	{ .key = "gpu", .kind = RULE_BOOL },
	{ .key = "usb", .kind = RULE_TEXTS },
	{ .key = NULL },
};

static const struct rule secret[] = {
	{ .key = "value", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "ref", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "command", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "snapshot", .kind = RULE_BOOL },
	{ .key = "refresh", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "backend", .kind = RULE_TEXT, .check = check_backend },
	{ .key = "noVerify", .kind = RULE_BOOL },
	{ .key = NULL },
};

static const struct rule domains[] = {
	{ .key = "domains", .kind = RULE_TEXTS, .is_required = true, .check = text_resource },
	{ .key = NULL },
};

static const struct rule binding[] = {
	{ .key = "apiKey", .kind = RULE_MEMBERS, .members = domains },
	{ .key = "oauth", .kind = RULE_MEMBERS, .members = domains },
	{ .key = NULL },
};

const struct rule envfile_bindings[] = {
	{ .key = "bindings", .kind = RULE_TABLE, .check = text_service, .members = binding },
	{ .key = NULL },
};

static const struct rule source[] = {
	{ .key = "value", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "ref", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "command", .kind = RULE_TEXT, .check = text_filled },
	{ .key = NULL },
};

static const struct rule registry[] = {
	{ .key = "username", .kind = RULE_MEMBERS, .members = source },
	{ .key = "secret", .kind = RULE_MEMBERS, .is_required = true, .members = source },
	{ .key = NULL },
};

static const struct rule server[] = {
	{ .key = "name", .kind = RULE_TEXT, .is_required = true, .check = text_filled },
	{ .key = "url", .kind = RULE_TEXT },
	{ .key = "command", .kind = RULE_TEXT },
	{ .key = "args", .kind = RULE_TEXTS },
	{ .key = NULL },
};

static const struct rule mcp[] = {
	{ .key = "servers", .kind = RULE_LIST, .members = server },
	{ .key = NULL },
};

static const struct rule port[] = {
	{ .key = "sandbox", .kind = RULE_TEXT, .is_required = true, .check = text_port },
	{ .key = "host", .kind = RULE_TEXT, .check = text_port },
	{ .key = "protocol", .kind = RULE_TEXT, .check = check_protocol },
	{ .key = "hostIP", .kind = RULE_TEXT, .check = text_filled },
	{ .key = NULL },
};

static const struct rule command[] = {
	{ .key = "name", .kind = RULE_TEXT },
	{ .key = "command", .kind = RULE_TEXT, .is_required = true, .check = text_filled },
	{ .key = "workdir", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "timeout", .kind = RULE_TEXT, .check = check_duration },
	{ .key = NULL },
};

static const struct rule lifecycle[] = {
	{ .key = "initialize", .kind = RULE_LIST, .members = command },
	{ .key = "postCreate", .kind = RULE_LIST, .members = command },
	{ .key = "preRemove", .kind = RULE_LIST, .members = command },
	{ .key = NULL },
};

const struct rule envfile_rules[] = {
	{ .key = "schemaVersion", .kind = RULE_TEXT, .check = check_version },
	{ .key = "name", .kind = RULE_TEXT, .check = check_name },
	{ .key = "agent", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "args", .kind = RULE_TABLE, .check = text_argument, .members = argument },
	{ .key = "kits", .kind = RULE_ANY },
	{ .key = "workspace", .kind = RULE_ANY },
	{ .key = "additionalWorkspaces", .kind = RULE_LIST, .members = additional },
	{ .key = "env", .kind = RULE_NAMED, .check = check_variable },
	{ .key = "sandboxOptions", .kind = RULE_MEMBERS, .members = options },
	{ .key = "secrets", .kind = RULE_TABLE, .check = text_service, .members = secret },
	{ .key = "bindings", .kind = RULE_TABLE, .check = text_service, .members = binding },
	{ .key = "registries", .kind = RULE_TABLE, .check = text_filled, .members = registry },
	{ .key = "mcp", .kind = RULE_MEMBERS, .members = mcp },
	{ .key = "ports", .kind = RULE_LIST, .members = port },
	{ .key = "lifecycle", .kind = RULE_MEMBERS, .members = lifecycle },
	{ .key = NULL },
};
