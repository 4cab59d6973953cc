#include "kit/grammar.h"
#include "kit/text.h"

static const struct rule entrypoint[] = {
	{ .key = "run", .kind = RULE_TEXTS },
	{ .key = "args", .kind = RULE_TEXTS },
	{ .key = "ttyArgs", .kind = RULE_TEXTS },
	{ .key = "pipeMode", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule resources[] = {
	{ .key = "cpu", .kind = RULE_NUMBER },
	{ .key = "memoryMB", .kind = RULE_NUMBER },
	{ .key = "gpu", .kind = RULE_ANY },
	{ .key = NULL },
};

static const struct rule sandbox[] = {
	{ .key = "image", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "build", .kind = RULE_MEMBERS, .members = rules_build },
	{ .key = "aiFilename", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "entrypoint", .kind = RULE_MEMBERS, .members = entrypoint },
	{ .key = "persistence", .kind = RULE_TEXT },
	{ .key = "resources", .kind = RULE_MEMBERS, .members = resources },
	{ .key = NULL },
};

static const struct rule service_auth[] = {
	{ .key = "headerName", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "valueFormat", .kind = RULE_TEXT, .check = text_format },
	{ .key = NULL },
};

static const struct rule network[] = {
	{ .key = "allowedDomains", .kind = RULE_TEXTS, .check = text_resource },
	{ .key = "deniedDomains", .kind = RULE_TEXTS, .check = text_resource },
	{ .key = "serviceDomains", .kind = RULE_NAMED, .check = text_resource },
	{ .key = "serviceAuth",
	  .kind = RULE_TABLE,
	  .check = text_service,
	  .members = service_auth },
	{ .key = "publishedPorts", .kind = RULE_LIST, .members = rules_port },
	{ .key = NULL },
};

static const struct rule source_file[] = {
	{ .key = "path", .kind = RULE_TEXT },
	{ .key = "parser", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule source[] = {
	{ .key = "env", .kind = RULE_TEXTS, .check = text_variable },
	{ .key = "file", .kind = RULE_MEMBERS, .members = source_file },
	{ .key = "priority", .kind = RULE_ANY },
	{ .key = "required", .kind = RULE_BOOL },
	{ .key = NULL },
};

static const struct rule credentials[] = {
	{ .key = "sources", .kind = RULE_TABLE, .check = text_service, .members = source },
	{ .key = NULL },
};

static const struct rule environment[] = {
	{ .key = "variables", .kind = RULE_NAMED, .check = text_variable },
	{ .key = "proxyManaged", .kind = RULE_TEXTS, .check = text_variable },
	{ .key = NULL },
};

static const struct rule commands[] = {
	{ .key = "install", .kind = RULE_LIST, .members = rules_install },
	{ .key = "startup", .kind = RULE_LIST, .members = rules_startup },
	{ .key = "initFiles", .kind = RULE_LIST, .members = rules_file },
	{ .key = NULL },
};

static const struct rule oauth[] = {
	{ .key = "service", .kind = RULE_TEXT, .is_required = true, .check = text_service },
	{ .key = "tokenEndpoint",
	  .kind = RULE_MEMBERS,
	  .is_required = true,
	  .members = rules_endpoint },
	{ .key = "sentinels", .kind = RULE_MEMBERS, .members = rules_sentinels },
	{ .key = "credentialFile", .kind = RULE_MEMBERS, .members = rules_credential_file },
	{ .key = "responseFields", .kind = RULE_ANY },
	{ .key = "skipIfEnv", .kind = RULE_ANY },
	{ .key = "passthroughResponse", .kind = RULE_BOOL },
	{ .key = NULL },
};

const struct rule grammar_v1[] = {
	{ .key = "schemaVersion", .kind = RULE_TEXT, .is_required = true },
	{ .key = "kind", .kind = RULE_TEXT, .is_required = true, .check = text_kind_v1 },
	{ .key = "name", .kind = RULE_TEXT, .is_required = true, .check = text_name },
	{ .key = "version", .kind = RULE_TEXT },
	{ .key = "displayName", .kind = RULE_TEXT },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = "sourceURL", .kind = RULE_TEXT },
	{ .key = "licenses", .kind = RULE_TEXTS, .check = text_filled },
	{ .key = "security", .kind = RULE_MEMBERS, .members = rules_security },
	{ .key = "sandbox", .kind = RULE_MEMBERS, .members = sandbox },
	{ .key = "agent", .kind = RULE_MEMBERS, .members = sandbox },
	{ .key = "extends", .kind = RULE_TEXT, .check = text_filled },
	{ .key = "network", .kind = RULE_MEMBERS, .members = network },
	{ .key = "publishedPorts", .kind = RULE_LIST, .members = rules_port },
	{ .key = "credentials", .kind = RULE_MEMBERS, .members = credentials },
	{ .key = "oauth", .kind = RULE_MEMBERS, .members = oauth },
	{ .key = "environment", .kind = RULE_MEMBERS, .members = environment },
	{ .key = "commands", .kind = RULE_MEMBERS, .members = commands },
	{ .key = "memory", .kind = RULE_TEXT },
	{ .key = "agentContext", .kind = RULE_TEXT },
	{ .key = "tmpfs", .kind = RULE_EITHER, .check = text_path, .members = rules_volume },
	{ .key = "volumes", .kind = RULE_EITHER, .check = text_path, .members = rules_volume },
	{ .key = "settings", .kind = RULE_ANY },
	{ .key = "kitDir", .kind = RULE_TEXT },
	{ .key = "persistence", .kind = RULE_TEXT },
	{ .key = NULL },
};
