#include "sbxd/policy_view.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "policy/policy.h"
#include "policy/preset.h"
#include "sbxd/name.h"
#include "sbxd/policy_rules.h"
#include "sbxd/view.h"

enum { SCOPE_TEXT = NAME_SIZE + 16 };

/* What a rule is part of. */
struct origin {
	const char *policy_id, *policy, *origin, *layer;
	const char *sandbox; /* NULL: all */
	bool editable;
};

static const char *text_of(const json_t *json, const char *member)
{
	return json_string_value(json_object_get(json, member));
}

static json_t *view_actions(const json_t *protocols, bool is_http)
{
	json_t *list = json_array();
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)protocols, i, item)
	{
		(void)json_array_append_new(
			list, is_http ? json_string("http:request")
				      : json_sprintf("net:connect:%s", json_string_value(item)));
	}
	return list;
}

/* rule: {"id","decision","resources","protocols","methods"?,"path"?,"created_via","created_at"?} */
static json_t *view(const json_t *rule, const struct origin *origin)
{
	char scope[SCOPE_TEXT] = "global";
	const char *methods = text_of(rule, "methods");

	if (origin->sandbox != NULL)
		(void)snprintf(scope, sizeof(scope), "sandbox:%s", origin->sandbox);
	return json_pack(
		"{ss ss ss ss ss ss ss ss sO ss ss ss sb ss* s{ss so*} so sO ss* ss*}", "id",
		text_of(rule, "id"), "name", text_of(rule, "id"), "policy_id", origin->policy_id,
		"policy", origin->policy, "scope", scope, "applies_to",
		origin->sandbox == NULL ? "all" : scope, "resource_type", "network", "decision",
		text_of(rule, "decision"), "resources", json_object_get(rule, "resources"),
		"origin", origin->origin, "layer", origin->layer, "status", "active", "editable",
		origin->editable, "sandbox_id", origin->sandbox, "provenance", "created_via",
		text_of(rule, "created_via"), "created_at",
		view_time(json_integer_value(json_object_get(rule, "created_at"))), "actions",
		view_actions(json_object_get(rule, "protocols"), methods != NULL), "protocols",
		json_object_get(rule, "protocols"), "methods", methods, "path",
		text_of(rule, "path"));
}

json_t *policy_view_rule(const json_t *rule, const char *sandbox)
{
	const struct origin origin = { .policy_id = "local",
				       .policy = "local",
				       .origin = sandbox == NULL ? "local" : "scoped",
				       .layer = sandbox == NULL ? "global" : "sandbox",
				       .sandbox = sandbox,
				       .editable = true };

	return view(rule, &origin);
}

static void add_stored(json_t *rules, const json_t *scope, const char *sandbox)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(scope, "rules"), i, rule)
	{
		(void)json_array_append_new(rules, policy_view_rule(rule, sandbox));
	}
}

static void add_all(json_t *rules, const json_t *stored, const struct origin *origin)
{
	const json_t *rule;
	size_t i;

	json_array_foreach((json_t *)stored, i, rule)
	{
		(void)json_array_append_new(rules, view(rule, origin));
	}
}

/* The rules of a policy file. */
static void add_text(json_t *rules, const char *text, const char *created_via,
		     const struct origin *origin)
{
	struct preset preset;
	struct err err = ERR_INIT;
	json_t *stored;

	if (text == NULL || preset_parse(text, strlen(text), POLICY_FROM_USER, &preset, &err) < 0)
		return;
	stored = stored_rules_of_preset(&preset, created_via);
	preset_finish(&preset);
	add_all(rules, stored, origin);
	json_decref(stored);
}

/*
 * What a sandbox sees of the host's files is what the user mounts in it, read-only or not:
 * rules of the network do not reach there, and every preset says so.
 */
static void add_filesystem(json_t *rules, const struct origin *origin)
{
	static const char *const verbs[] = { "read", "write" };
	char scope[SCOPE_TEXT] = "global";

	if (origin->sandbox != NULL)
		(void)snprintf(scope, sizeof(scope), "sandbox:%s", origin->sandbox);
	for (size_t i = 0; i < countof(verbs); i++) {
		char id[40], type[32], action[32];

		(void)snprintf(id, sizeof(id), "default-fs-%s-allow-all", verbs[i]);
		(void)snprintf(type, sizeof(type), "filesystem:%s", verbs[i]);
		(void)snprintf(action, sizeof(action), "fs:mount:%s", verbs[i]);
		(void)json_array_append_new(
			rules,
			json_pack("{ss ss ss ss ss ss ss ss s[s] ss ss ss sb ss* s{ss} s[s] s[]}",
				  "id", id, "name", id, "policy_id", origin->policy_id, "policy",
				  origin->policy, "scope", scope, "applies_to",
				  origin->sandbox == NULL ? "all" : scope, "resource_type", type,
				  "decision", "allow", "resources", "**", "origin", origin->origin,
				  "layer", origin->layer, "status", "active", "editable", 0,
				  "sandbox_id", origin->sandbox, "provenance", "created_via",
				  "default", "actions", action, "protocols"));
	}
}

static void add_preset(json_t *rules, const json_t *snapshot, const char *name, const char *sandbox)
{
	const struct origin origin = { .policy_id = "local-policy",
				       .policy = name,
				       .origin = sandbox == NULL ? "local" : "scoped",
				       .layer = "preset",
				       .sandbox = sandbox };

	if (name == NULL)
		return;
	add_all(rules, json_object_get(json_object_get(snapshot, "presets"), name), &origin);
	add_filesystem(rules, &origin);
}

static void add_sandbox(json_t *rules, const json_t *snapshot, const char *sandbox,
			const json_t *scope)
{
	const struct origin file = { .policy_id = "file",
				     .policy = "file",
				     .origin = "scoped",
				     .layer = "sandbox",
				     .sandbox = sandbox };
	const struct origin kit = { .policy_id = "kit",
				    .policy = "kit",
				    .origin = "kit",
				    .layer = "kit",
				    .sandbox = sandbox };

	add_preset(rules, snapshot, text_of(scope, "preset"), sandbox);
	add_text(rules, text_of(scope, "file"), "provisioned", &file);
	add_stored(rules, scope, sandbox);
	add_text(rules, text_of(scope, "kit"), "kit", &kit);
}

/* Whether the sandbox's own policy stands in the place of the global preset. */
static bool has_own(const json_t *scope)
{
	return text_of(scope, "preset") != NULL || text_of(scope, "file") != NULL;
}

static void add_damage(json_t *damage, const json_t *scope)
{
	const char *text = text_of(scope, "damage");

	if (text != NULL)
		(void)json_array_append_new(damage, json_string(text));
}

/* The global preset, or that of the one sandbox which is asked for; "file" for a file. */
static const char *preset_of(const json_t *global, const json_t *scope)
{
	if (text_of(scope, "file") != NULL)
		return "file";
	return text_of(scope, "preset") != NULL ? text_of(scope, "preset")
						: text_of(global, "preset");
}

json_t *policy_view_rules(const json_t *snapshot, const char *sandbox)
{
	const json_t *global = json_object_get(snapshot, "global");
	json_t *sandboxes = json_object_get(snapshot, "sandboxes"), *scope;
	const json_t *only = sandbox == NULL ? NULL : json_object_get(sandboxes, sandbox);
	json_t *rules = json_array(), *damage = json_array();
	const char *name;

	if (!has_own(only))
		add_preset(rules, snapshot, text_of(global, "preset"), NULL);
	add_stored(rules, global, NULL);
	add_damage(damage, global);
	json_object_foreach(sandboxes, name, scope)
	{
		if (sandbox != NULL && strcmp(name, sandbox) != 0)
			continue;
		add_sandbox(rules, snapshot, name, scope);
		add_damage(damage, scope);
	}
	return json_pack("{sb ss* so so}", "initialized", preset_of(global, only) != NULL, "preset",
			 preset_of(global, only), "rules", rules, "damage", damage);
}

static const char *kind_name(enum policy_deny_kind kind)
{
	switch (kind) {
	case POLICY_NOT_DENIED:
		return NULL;
	case POLICY_IMPLICIT:
		return "implicit";
	case POLICY_EXPLICIT:
		return "explicit";
	case POLICY_CEILING:
		return "ceiling";
	case POLICY_UNSAFE:
		return "unsafe";
	case POLICY_MALFORMED:
		return "malformed";
	}
	return NULL;
}

json_t *policy_view_verdict(const struct policy_question *question,
			    const struct policy_verdict *verdict, const char *target)
{
	bool is_name = question->name != NULL || question->is_host;
	char action[32];

	(void)snprintf(action, sizeof(action), "net:connect:%s",
		       question->protocol == POLICY_UDP ? "udp" : "tcp");
	return json_pack(
		"{sb ss ss ss* ss* ss s{sb} ss ss ss s{} sb}", "allowed",
		verdict->decision == POLICY_ALLOW, "action",
		question->method != NULL ? "http:request" : action, "target", target, "deny_kind",
		kind_name(verdict->kind), "rule", verdict->rule != NULL ? verdict->rule->id : NULL,
		"reason", verdict->sentence, "governance", "active", 0, "origin", "local", "type",
		question->method != NULL ? "http" : "network", "resource_type",
		is_name ? "net:domain" : "net:ip", "context", "needs_http", verdict->needs_http);
}
