#include "kit/capability.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "kit/grammar.h"
#include "kit/kit.h"
#include "kit/text.h"

#define PREFIX "com.docker.sandbox/"

static const struct rule phase[] = {
	{ .key = "allow", .kind = RULE_TEXTS, .check = text_resource },
	{ .key = "deny", .kind = RULE_TEXTS, .check = text_resource },
	{ .key = NULL },
};

static const struct rule network[] = {
	{ .key = "runtime", .kind = RULE_MEMBERS, .members = phase },
	{ .key = "install", .kind = RULE_MEMBERS, .members = phase },
	{ .key = NULL },
};

static const struct rule credential_file[] = {
	{ .key = "path", .kind = RULE_TEXT, .is_required = true, .check = text_filled },
	{ .key = "structure", .kind = RULE_ANY, .is_required = true },
	{ .key = "format", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule oauth[] = {
	{ .key = "tokenEndpoint",
	  .kind = RULE_MEMBERS,
	  .is_required = true,
	  .members = rules_endpoint },
	{ .key = "sentinels", .kind = RULE_MEMBERS, .members = rules_sentinels },
	{ .key = "credentialFile", .kind = RULE_MEMBERS, .members = credential_file },
	{ .key = "resourceHosts", .kind = RULE_TEXTS, .check = text_resource },
	{ .key = "responseFields", .kind = RULE_ANY },
	{ .key = "passthrough", .kind = RULE_BOOL },
	{ .key = NULL },
};

static const struct rule credential[] = {
	{ .key = "service", .kind = RULE_TEXT, .is_required = true, .check = text_name },
	{ .key = "phase", .kind = RULE_ANY },
	{ .key = "apiKey", .kind = RULE_MEMBERS, .members = rules_api_key },
	{ .key = "oauth", .kind = RULE_MEMBERS, .members = oauth },
	{ .key = NULL },
};

static const struct rule port[] = {
	{ .key = "container", .kind = RULE_TEXT, .is_required = true, .check = text_port },
	{ .key = "transport", .kind = RULE_TEXT, .check = text_protocol },
	{ .key = "name", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule resources[] = {
	{ .key = "cpu", .kind = RULE_NUMBER },
	{ .key = "memory", .kind = RULE_TEXT, .check = text_size },
	{ .key = "gpu", .kind = RULE_ANY },
	{ .key = NULL },
};

static const struct rule install[] = {
	{ .key = "command", .kind = RULE_TEXT, .is_required = true, .check = text_filled },
	{ .key = "user", .kind = RULE_TEXT },
	{ .key = "env", .kind = RULE_TEXTS },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule startup[] = {
	{ .key = "command", .kind = RULE_TEXTS, .is_required = true },
	{ .key = "user", .kind = RULE_TEXT },
	{ .key = "env", .kind = RULE_TEXTS },
	{ .key = "background", .kind = RULE_BOOL },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule file[] = {
	{ .key = "path", .kind = RULE_TEXT, .is_required = true, .check = text_path },
	{ .key = "content", .kind = RULE_TEXT },
	{ .key = "mode", .kind = RULE_TEXT, .check = text_mode },
	{ .key = "overwrite", .kind = RULE_BOOL },
	{ .key = "user", .kind = RULE_TEXT },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = NULL },
};

static const struct rule lifecycle[] = {
	{ .key = "install", .kind = RULE_LIST, .members = install },
	{ .key = "startup", .kind = RULE_LIST, .members = startup },
	{ .key = "files", .kind = RULE_LIST, .members = file },
	{ .key = "interactive", .kind = RULE_TEXTS },
	{ .key = NULL },
};

static const struct rule context[] = {
	{ .key = "content", .kind = RULE_TEXT },
	{ .key = "contentFile", .kind = RULE_TEXT },
	{ .key = "filename", .kind = RULE_TEXT },
	{ .key = "directory", .kind = RULE_TEXT, .check = text_path },
	{ .key = NULL },
};

static const struct rule nothing[] = { { .key = NULL } };

/* The member, made when it is not there; weak. */
static json_t *member_of(json_t *object, const char *key, json_t *made)
{
	if (json_object_get(object, key) == NULL)
		(void)json_object_set(object, key, made);
	json_decref(made);
	return json_object_get(object, key);
}

static json_t *object_of(json_t *object, const char *key)
{
	return member_of(object, key, json_object());
}

static json_t *list_of(json_t *object, const char *key)
{
	return member_of(object, key, json_array());
}

static int extend(json_t *to, const char *key, const json_t *from, const char *member)
{
	json_t *list = json_object_get(from, member);

	return list != NULL ? json_array_extend(list_of(to, key), list) : 0;
}

static int take(json_t *to, const char *name, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);

	return value != NULL ? json_object_set(to, name, value) : 0;
}

/* The two phases become one: what is open while installing stays open. */
static int add_network(struct kit *kit, json_t *config)
{
	static const char *const phases[] = { "install", "runtime" };
	json_t *to = object_of(object_of(kit->spec, "permissions"), "network");
	int r = 0;

	for (size_t i = 0; i < countof(phases); i++) {
		const json_t *from = json_object_get(config, phases[i]);

		r |= extend(to, "allow", from, "allow");
		r |= extend(to, "deny", from, "deny");
	}
	if (json_object_get(json_object_get(config, "install"), "allow") != NULL)
		r |= kit_warn(kit,
			      "%s: hosts that are allowed while installing stay allowed afterwards",
			      kit->document.name);
	return r;
}

static int add_credential(struct kit *kit, json_t *config)
{
	(void)json_object_del(config, "phase");
	return json_array_append(list_of(kit->spec, "credentials"), config);
}

static int add_volume(struct kit *kit, json_t *config)
{
	return json_array_append(list_of(kit->spec, "volumes"), config);
}

static int add_port(struct kit *kit, json_t *config)
{
	json_t *made = json_object();
	int r = take(made, "container", config, "container");

	r |= take(made, "protocol", config, "transport");
	r |= take(made, "name", config, "name");
	return r | json_array_append_new(list_of(kit->spec, "ports"), made);
}

static int add_resources(struct kit *kit, json_t *config)
{
	if (kit_is_mixin(kit))
		return kit_warn(kit, "%s: a mixin's resources mean nothing", kit->document.name);
	return json_object_set(object_of(kit->spec, "sandbox"), "resources", config);
}

static int add_privilege(struct kit *kit, json_t *config)
{
	(void)config;
	return json_object_set_new(object_of(kit->spec, "security"), "privileged", json_true());
}

static int add_lifecycle(struct kit *kit, json_t *config)
{
	json_t *setup = object_of(kit->spec, "setup"), *command, *item;
	size_t i;
	int r = extend(setup, "install", config, "install");

	r |= extend(setup, "startup", config, "startup");
	json_array_foreach(json_object_get(config, "files"), i,
			   item) if (json_is_false(json_object_get(item, "overwrite"))) r |=
		json_object_set_new(item, "onlyIfMissing", json_true());
	r |= extend(setup, "files", config, "files");
	if (json_object_get(config, "interactive") == NULL)
		return r;
	if (kit_is_mixin(kit))
		return r |
		       kit_warn(kit, "%s: a mixin's interactive means nothing", kit->document.name);
	command = object_of(object_of(kit->spec, "sandbox"), "command");
	return r | take(command, "interactive", config, "interactive");
}

static int add_context(struct kit *kit, json_t *config)
{
	json_t *instructions = object_of(kit->spec, "agentInstructions");
	int r = take(instructions, "content", config, "content");

	r |= take(instructions, "filename", config, "filename");
	if (json_object_get(config, "contentFile") != NULL)
		r |= kit_warn(kit, "%s: agent-context: a contentFile is not read; write content",
			      kit->document.name);
	if (json_object_get(config, "directory") != NULL)
		r |= kit_warn(kit,
			      "%s: agent-context: the directory is not used; the file is written "
			      "beside the workspace",
			      kit->document.name);
	return r;
}

static const struct mapping {
	const char *type;
	enum capability_kind kind;
	const struct rule *rules;
	int (*add)(struct kit *kit, json_t *config);
} mappings[] = {
	{ PREFIX "network-policy@1", CAPABILITY_MAPPED, network, add_network },
	{ PREFIX "credential@1", CAPABILITY_MAPPED, credential, add_credential },
	{ PREFIX "volume@1", CAPABILITY_MAPPED, rules_volume, add_volume },
	{ PREFIX "port@1", CAPABILITY_MAPPED, port, add_port },
	{ PREFIX "resources@1", CAPABILITY_MAPPED, resources, add_resources },
	{ PREFIX "privileged@1", CAPABILITY_MAPPED, nothing, add_privilege },
	{ PREFIX "lifecycle@1", CAPABILITY_MAPPED, lifecycle, add_lifecycle },
	{ PREFIX "agent-context@1", CAPABILITY_MAPPED, context, add_context },
	{ PREFIX "sbx@1", CAPABILITY_MAPPED, nothing, NULL },
	{ PREFIX "agent-sessions@1", CAPABILITY_MISSED, NULL, NULL },
	{ PREFIX "agent-interactive-sessions@1", CAPABILITY_MISSED, NULL, NULL },
	{ PREFIX "agent-skills@1", CAPABILITY_MISSED, NULL, NULL },
	{ PREFIX "agent-skill@1", CAPABILITY_MISSED, NULL, NULL },
	{ PREFIX "long-running@1", CAPABILITY_MISSED, NULL, NULL },
};

static const struct mapping *find(const char *type)
{
	for (size_t i = 0; i < countof(mappings); i++)
		if (strcmp(mappings[i].type, type) == 0)
			return &mappings[i];
	return NULL;
}

enum capability_kind capability_kind(const char *type)
{
	const struct mapping *mapping = find(type);

	return mapping != NULL ? mapping->kind : CAPABILITY_UNKNOWN;
}

int capability_add(struct kit *kit, const struct node *node, bool is_optional, struct err *err)
{
	const struct mapping *mapping = find(node_member(node, "type")->text);
	const struct node *config = node_member(node, "config"), *text;
	json_t *values = NULL;
	int r;

	if (config == NULL)
		values = json_object();
	r = config != NULL ? rule_check(&kit->document, config, mapping->rules, &values, err) : 0;
	if (r < 0)
		return r;
	if (mapping->add == add_credential) {
		text = node_member(node, "description");
		r |= json_object_set_new(values, "required", json_boolean(!is_optional));
		if (text != NULL && text->kind == NODE_SCALAR)
			r |= json_object_set_new(values, "description", json_string(text->text));
	}
	if (mapping->add != NULL)
		r |= mapping->add(kit, values);
	json_decref(values);
	return r < 0 ? err_set(err, -ENOMEM, "out of memory") : 0;
}
