#include "sbxd/policy_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/encode.h"
#include "wire/net.h"
#include "wire/proxy.h"

/* What is in force, gathered. */
struct effective {
	struct rule_list rules;
	bool locked_down;
};

static int copy_rules(const struct preset *preset, bool is_global, struct rule_list *list)
{
	for (size_t i = 0; i < preset->count; i++) {
		const struct policy_rule *from = &preset->rules[i];
		struct policy_rule rule = *from;
		bool is_short;

		rule.is_global = is_global;
		rule.resource.pattern =
			from->resource.pattern == NULL ? NULL : strdup(from->resource.pattern);
		rule.methods = from->methods == NULL ? NULL : strdup(from->methods);
		rule.path = from->path == NULL ? NULL : strdup(from->path);
		is_short = (from->resource.pattern != NULL && rule.resource.pattern == NULL) ||
			   (from->methods != NULL && rule.methods == NULL) ||
			   (from->path != NULL && rule.path == NULL);
		if (is_short) {
			policy_rule_finish(&rule);
			return -ENOMEM;
		}
		if (rule_list_add(list, &rule) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_text(const char *text, enum policy_origin origin, struct effective *effective,
		    bool *ret_ceiling)
{
	struct preset preset;
	struct err err = ERR_INIT;
	int r = preset_parse(text, strlen(text), origin, &preset, &err);

	if (r < 0)
		return r;
	*ret_ceiling = preset.ceiling;
	r = copy_rules(&preset, false, &effective->rules);
	preset_finish(&preset);
	return r;
}

/* The base: the sandbox's own policy, else the global preset, else a ceiling over nothing. */
static int add_base(struct policy_store *store, const struct policy_scope *scope,
		    struct effective *effective)
{
	const char *own = scope == NULL ? NULL : policy_state_text(scope, "preset");
	const char *file = scope == NULL ? NULL : policy_state_text(scope, "file");
	const char *name = own != NULL ? own : policy_state_text(&store->global, "preset");
	const struct policy_preset *preset;
	struct err err = ERR_INIT;

	if (file != NULL)
		return add_text(file, POLICY_FROM_USER, effective, &effective->locked_down);
	effective->locked_down = true;
	if (name == NULL || presets_find(&store->presets, name, &preset, &err) < 0)
		return 0;
	effective->locked_down = preset->preset.ceiling;
	return copy_rules(&preset->preset, own == NULL, &effective->rules);
}

static int add_rules(const struct policy_scope *scope, bool is_global, struct rule_list *list)
{
	const json_t *rules = json_object_get(scope->json, "rules"), *rule;
	struct err err = ERR_INIT;
	size_t i;
	int r = 0;

	json_array_foreach((json_t *)rules, i, rule)
	{
		if (r == 0)
			r = stored_rule_expand(rule, is_global, list, &err);
	}
	return r;
}

static int add_kit(const struct policy_scope *scope, struct effective *effective)
{
	const char *kit = policy_state_text(scope, "kit");
	bool ceiling;

	return kit == NULL ? 0 : add_text(kit, POLICY_FROM_KIT, effective, &ceiling);
}

/* Lock held. What is damaged allows nothing. */
static int gather(struct policy_store *store, const char *sandbox, struct effective *effective)
{
	const struct policy_scope *scope =
		sandbox == NULL ? NULL : policy_state_find(store, sandbox);
	int r;

	effective->locked_down = true;
	if (store->global.damage.code < 0 || (scope != NULL && scope->damage.code < 0))
		return 0;
	r = add_base(store, scope, effective);
	if (r == 0)
		r = add_rules(&store->global, true, &effective->rules);
	if (r == 0 && scope != NULL)
		r = add_rules(scope, false, &effective->rules);
	if (r == 0 && scope != NULL)
		r = add_kit(scope, effective);
	return r;
}

static int append_edge(enum policy_family family, bool is_begin, bool locked_down,
		       uint64_t generation, struct buf *frames)
{
	if (family == POLICY_TO_NET)
		return net_message_append(
			frames,
			&(struct net_message){ .type = is_begin ? NET_POLICY_BEGIN : NET_POLICY_END,
					       .generation = generation,
					       .flags = locked_down ? NET_FLAG_LOCKED_DOWN : 0 });
	return proxy_message_append(
		frames,
		&(struct proxy_message){ .type = is_begin ? PROXY_POLICY_BEGIN : PROXY_POLICY_END,
					 .generation = generation,
					 .flags = locked_down ? PROXY_FLAG_LOCKED_DOWN : 0 });
}

int policy_store_append(struct policy_store *store, const char *sandbox, enum policy_family family,
			uint64_t generation, struct buf *frames)
{
	uint16_t type = family == POLICY_TO_NET ? NET_POLICY_RULE : PROXY_POLICY_RULE;
	struct effective effective = { .locked_down = true };
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = gather(store, sandbox, &effective);
	(void)pthread_mutex_unlock(&store->lock);
	if (r == 0)
		r = append_edge(family, true, effective.locked_down, generation, frames);
	for (size_t i = 0; r == 0 && i < effective.rules.count; i++)
		r = policy_rule_append(frames, type, &effective.rules.items[i]);
	if (r == 0)
		r = append_edge(family, false, effective.locked_down, generation, frames);
	rule_list_finish(&effective.rules);
	return r;
}

int policy_store_compile(struct policy_store *store, const char *sandbox, struct policy **ret)
{
	struct effective effective = { .locked_down = true };
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = gather(store, sandbox, &effective);
	(void)pthread_mutex_unlock(&store->lock);
	if (r == 0)
		r = policy_create(effective.rules.items, effective.rules.count,
				  effective.locked_down, ret);
	rule_list_finish(&effective.rules);
	return r;
}

bool policy_store_is_initialized(struct policy_store *store, const char *sandbox)
{
	const struct policy_scope *scope;
	bool is_initialized;

	(void)pthread_mutex_lock(&store->lock);
	scope = sandbox == NULL ? NULL : policy_state_find(store, sandbox);
	is_initialized = policy_state_text(&store->global, "preset") != NULL ||
			 (scope != NULL && (policy_state_text(scope, "preset") != NULL ||
					    policy_state_text(scope, "file") != NULL));
	(void)pthread_mutex_unlock(&store->lock);
	return is_initialized;
}

/* Lock held. */
static json_t *describe(const struct policy_store *store, const struct policy_scope *scope)
{
	const struct policy_scope *base = &store->global;
	bool is_own = scope != NULL &&
		      (scope->damage.code < 0 || policy_state_text(scope, "preset") != NULL ||
		       policy_state_text(scope, "file") != NULL);

	if (is_own && base->damage.code == 0)
		base = scope;
	if (base->damage.code < 0)
		return json_pack("{ss ss}", "source", base == scope ? "sandbox" : "global",
				 "damage", base->damage.text);
	return json_pack("{ss ss*}", "source",
			 is_own					     ? "sandbox"
			 : policy_state_text(base, "preset") != NULL ? "global"
								     : "none",
			 "preset", policy_state_text(base, "preset"));
}

json_t *policy_store_describe(struct policy_store *store, const char *sandbox)
{
	json_t *json;

	(void)pthread_mutex_lock(&store->lock);
	json = describe(store, sandbox == NULL ? NULL : policy_state_find(store, sandbox));
	(void)pthread_mutex_unlock(&store->lock);
	return json;
}

/* A name that the rule matches; false: it is for no name, or for a glob of another kind. */
static bool name_of_rule(const struct policy_rule *rule, char ret[POLICY_NAME_MAX + 1])
{
	const char *pattern =
		rule->resource.kind == POLICY_ANY ? "example.com" : rule->resource.pattern;
	const char *below = pattern;

	if (rule->decision != POLICY_ALLOW || rule->methods != NULL || rule->path != NULL ||
	    (rule->protocols & POLICY_TCP) == 0 || rule->resource.kind == POLICY_NET)
		return false;
	while (*below == '*')
		below++;
	if (below != pattern && *below != '.')
		return false;
	(void)snprintf(ret, POLICY_NAME_MAX + 1, "%s%s", below != pattern ? "probe" : "", below);
	return strpbrk(ret, "*?[") == NULL;
}

/* The first of the rules that is not overruled. */
static int find_allowed(const struct rule_list *rules, const struct policy *policy,
			char ret_name[POLICY_NAME_MAX + 1], uint16_t *ret_port)
{
	for (size_t i = 0; i < rules->count; i++) {
		struct policy_question question = { .name = ret_name,
						    .port = rules->items[i].resource.port,
						    .protocol = POLICY_TCP };
		struct policy_verdict verdict;

		if (!name_of_rule(&rules->items[i], ret_name))
			continue;
		policy_decide(policy, &question, &verdict);
		if (verdict.decision != POLICY_ALLOW)
			continue;
		*ret_port = question.port;
		return 0;
	}
	return -ENOENT;
}

int policy_store_allowed(struct policy_store *store, const char *sandbox,
			 char ret_name[POLICY_NAME_MAX + 1], uint16_t *ret_port)
{
	struct effective effective = { .locked_down = true };
	struct policy *policy = NULL;
	int r = policy_store_compile(store, sandbox, &policy);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&store->lock);
	r = gather(store, sandbox, &effective);
	(void)pthread_mutex_unlock(&store->lock);
	if (r == 0)
		r = find_allowed(&effective.rules, policy, ret_name, ret_port);
	rule_list_finish(&effective.rules);
	policy_destroy(policy);
	return r;
}
