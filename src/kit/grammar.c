#include "kit/grammar.h"

#include "kit/text.h"

const struct rule rules_security[] = { { .key = "privileged", .kind = RULE_BOOL },
				       { .key = NULL } };

static const struct rule argument[] = {
	{ .key = "default", .kind = RULE_TEXT },     { .key = "required", .kind = RULE_BOOL },
	{ .key = "description", .kind = RULE_TEXT }, { .key = "enum", .kind = RULE_TEXTS },
	{ .key = "pattern", .kind = RULE_TEXT },     { .key = NULL },
};

const struct rule rules_build[] = {
	{ .key = "context", .kind = RULE_TEXT },    { .key = "dockerfile", .kind = RULE_TEXT },
	{ .key = "args", .kind = RULE_NAMED },	    { .key = "target", .kind = RULE_TEXT },
	{ .key = "platforms", .kind = RULE_TEXTS }, { .key = NULL },
};

static const struct rule command[] = {
	{ .key = "default", .kind = RULE_TEXTS },
	{ .key = "interactive", .kind = RULE_TEXTS },
	{ .key = NULL },
};

static const struct rule resources[] = {
	{ .key = "cpu", .kind = RULE_NUMBER },
	{ .key = "memory", .kind = RULE_TEXT, .check = text_size },
	{ .key = "gpu", .kind = RULE_ANY },
	{ .key = NULL },
};

static const struct rule sandbox[] = {
	{ .key = "image", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "build", .kind = RULE_MEMBERS, .members = rules_build },
	{ .key = "entrypoint", .kind = RULE_TEXTS },
	{ .key = "command", .kind = RULE_COMMAND, .members = command },
	{ .key = "resources", .kind = RULE_MEMBERS, .members = resources },
	{ .key = NULL },
};

static const struct rule requires[] = {
	{ .key = "agent", .kind = RULE_TEXT, .check = text_name },
	{ .key = NULL },
};

static const struct rule instructions[] = {
	{ .key = "filename", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "content", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule network[] = {
	{ .key = "allow", .kind = RULE_TEXTS, .check = text_resource },
	{ .key = "deny", .kind = RULE_TEXTS, .check = text_resource },
	{ .key = NULL },
};

static const struct rule permissions[] = {
	{ .key = "network", .kind = RULE_MEMBERS, .members = network },
	{ .key = NULL },
};

const struct rule rules_port[] = {
	{ .key = "container", .kind = RULE_TEXT, .is_required = true, .check = text_port },
	{ .key = "protocol", .kind = RULE_TEXT, .check = text_protocol },
	{ .key = "name", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule inject[] = {
	{ .key = "domain", .kind = RULE_TEXT, .is_required = true, .check = text_resource },
	{ .key = "header", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "format", .kind = RULE_TEXT, .check = text_format },
	{ .key = "scheme", .kind = RULE_TEXT, .check = text_scheme },
	{ .key = "username", .kind = RULE_TEXT },
	{ .key = NULL },
};

const struct rule rules_api_key[] = {
	{ .key = "name", .kind = RULE_TEXT, .is_required = true, .check = text_variable },
	{ .key = "proxyManaged", .kind = RULE_BOOL },
	{ .key = "inject", .kind = RULE_LIST, .members = inject },
	{ .key = NULL },
};

const struct rule rules_endpoint[] = {
	{ .key = "host", .kind = RULE_TEXT, .is_required = true, .check = text_resource },
	{ .key = "path", .kind = RULE_TEXT, .is_required = true, .check = text_path },
	{ .key = NULL },
};

const struct rule rules_sentinels[] = {
	{ .key = "accessToken", .kind = RULE_TEXT },
	{ .key = "refreshToken", .kind = RULE_TEXT },
	{ .key = NULL },
};

const struct rule rules_credential_file[] = {
	{ .key = "path", .kind = RULE_TEXT, .is_required = true, .check = text_filled },
	{ .key = "structure", .kind = RULE_ANY },
	{ .key = "template", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule oauth[] = {
	{ .key = "tokenEndpoint",
	  .kind = RULE_MEMBERS,
	  .is_required = true,
	  .members = rules_endpoint },
	{ .key = "sentinels", .kind = RULE_MEMBERS, .members = rules_sentinels },
	{ .key = "credentialFile", .kind = RULE_MEMBERS, .members = rules_credential_file },
	{ .key = "resourceHosts", .kind = RULE_TEXTS, .check = text_resource },
	{ .key = "responseFields", .kind = RULE_ANY },
	{ .key = "skipIfEnv", .kind = RULE_ANY },
	{ .key = "passthrough", .kind = RULE_BOOL },
	{ .key = NULL },
};

static const struct rule credential[] = {
	{ .key = "service", .kind = RULE_TEXT, .is_required = true, .check = text_name },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = "required", .kind = RULE_BOOL },
	{ .key = "provider", .kind = RULE_ANY },
	{ .key = "apiKey", .kind = RULE_MEMBERS, .members = rules_api_key },
	{ .key = "oauth", .kind = RULE_MEMBERS, .members = oauth },
	{ .key = NULL },
};

static const struct rule environment[] = {
	{ .key = "variables", .kind = RULE_NAMED, .check = text_variable },
	{ .key = NULL },
};

const struct rule rules_install[] = {
	{ .key = "command", .kind = RULE_TEXT, .is_required = true, .check = text_filled },
	{ .key = "user", .kind = RULE_TEXT },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = NULL },
};

const struct rule rules_startup[] = {
	{ .key = "command", .kind = RULE_TEXTS, .is_required = true },
	{ .key = "user", .kind = RULE_TEXT },
	{ .key = "background", .kind = RULE_BOOL },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = NULL },
};

const struct rule rules_file[] = {
	{ .key = "path", .kind = RULE_TEXT, .is_required = true, .check = text_path },
	{ .key = "content", .kind = RULE_TEXT },
	{ .key = "mode", .kind = RULE_TEXT, .check = text_mode },
	{ .key = "onlyIfMissing", .kind = RULE_BOOL },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule setup[] = {
	{ .key = "install", .kind = RULE_LIST, .members = rules_install },
	{ .key = "startup", .kind = RULE_LIST, .members = rules_startup },
	{ .key = "files", .kind = RULE_LIST, .members = rules_file },
	{ .key = NULL },
};

const struct rule rules_volume[] = {
	{ .key = "path", .kind = RULE_TEXT, .is_required = true, .check = text_path },
	{ .key = "type", .kind = RULE_TEXT, .check = text_volume_type },
	{ .key = "size", .kind = RULE_TEXT, .check = text_size },
	{ .key = "mode", .kind = RULE_TEXT, .check = text_mode },
	{ .key = NULL },
};

const struct rule grammar_v2[] = {
	{ .key = "schemaVersion", .kind = RULE_TEXT, .is_required = true, .check = text_version },
	{ .key = "kind", .kind = RULE_TEXT, .is_required = true, .check = text_kind },
	{ .key = "name", .kind = RULE_TEXT, .is_required = true, .check = text_name },
	{ .key = "version", .kind = RULE_TEXT },
	{ .key = "displayName", .kind = RULE_TEXT },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = "sourceURL", .kind = RULE_TEXT },
	{ .key = "licenses", .kind = RULE_TEXTS, .check = text_filled },
	{ .key = "locked", .kind = RULE_TEXTS, .check = text_locked },
	{ .key = "security", .kind = RULE_MEMBERS, .members = rules_security },
	{ .key = "args", .kind = RULE_TABLE, .check = text_argument, .members = argument },
	{ .key = "sandbox", .kind = RULE_MEMBERS, .members = sandbox },
	{ .key = "extends", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "mixins", .kind = RULE_TEXTS },
	{ .key = "requires", .kind = RULE_MEMBERS, .members = requires },
	{ .key = "agentInstructions", .kind = RULE_MEMBERS, .members = instructions },
	{ .key = "permissions", .kind = RULE_MEMBERS, .members = permissions },
	{ .key = "ports", .kind = RULE_LIST, .members = rules_port },
	{ .key = "credentials", .kind = RULE_LIST, .members = credential },
	{ .key = "environment", .kind = RULE_MEMBERS, .members = environment },
	{ .key = "setup", .kind = RULE_MEMBERS, .members = setup },
	{ .key = "volumes", .kind = RULE_LIST, .members = rules_volume },
	{ .key = NULL },
};
