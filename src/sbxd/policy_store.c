#include "sbxd/policy_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "policy/encode.h"
#include "sbxd/paths.h"
#include "sbxd/policy_presets.h"
#include "sbxd/policy_scope.h"
#include "wire/net.h"
#include "wire/proxy.h"

/* With a preset or a file of 2000 rules a policy stays within POLICY_RULES_MAX. */
enum { GLOBAL_RULES_MAX = 3000, SANDBOX_RULES_MAX = 2000, TEXT_RULES_MAX = 1500 };

static const char suffix[] = ".json";

struct policy_store {
	char *folder, *sandboxes_folder; /* owned */
	struct policy_presets presets;
	pthread_mutex_t lock; /* all below */
	struct policy_scope global;
	struct list sandboxes; /* of struct policy_scope */
	uint64_t generation;
	struct policy_hooks hooks;
};

static struct policy_scope *of_node(struct list *node)
{
	return container_of(node, struct policy_scope, node);
}

static const char *text_of(const struct policy_scope *scope, const char *member)
{
	return json_string_value(json_object_get(scope->json, member));
}

/* Lock held. NULL: that sandbox has nothing of its own. */
static struct policy_scope *find(struct policy_store *store, const char *sandbox)
{
	if (sandbox == NULL)
		return &store->global;
	list_for_each (node, tmp, &store->sandboxes)
		if (strcmp(of_node(node)->name, sandbox) == 0)
			return of_node(node);
	return NULL;
}

static struct policy_scope *find_or_add(struct policy_store *store, const char *sandbox)
{
	struct policy_scope *scope = find(store, sandbox);

	if (scope != NULL)
		return scope;
	scope = calloc(1, sizeof(*scope));
	if (scope == NULL || scope_init(scope, sandbox) < 0) {
		free(scope);
		return NULL;
	}
	list_append(&store->sandboxes, &scope->node);
	return scope;
}

static void drop(struct policy_scope *scope)
{
	list_remove(&scope->node);
	scope_finish(scope);
	free(scope);
}

/* The file of a scope, owned by the caller. */
static char *path_of(const struct policy_store *store, const struct policy_scope *scope)
{
	char file[NAME_SIZE + sizeof(suffix)];

	(void)snprintf(file, sizeof(file), "%s%s", scope->name[0] == '\0' ? "global" : scope->name,
		       suffix);
	return path_join(scope->name[0] == '\0' ? store->folder : store->sandboxes_folder, file);
}

static int load(struct policy_store *store, struct policy_scope *scope)
{
	autofree char *path = path_of(store, scope);

	return path == NULL ? -ENOMEM : scope_load(scope, path);
}

static int load_sandbox(struct policy_store *store, const char *file)
{
	size_t len = strlen(file), tail = sizeof(suffix) - 1;
	char name[NAME_SIZE];
	struct policy_scope *scope;

	if (len <= tail || len - tail >= sizeof(name) || strcmp(file + len - tail, suffix) != 0)
		return 0;
	(void)snprintf(name, sizeof(name), "%.*s", (int)(len - tail), file);
	if (!name_is_valid(name))
		return 0;
	scope = find_or_add(store, name);
	return scope == NULL ? -ENOMEM : load(store, scope);
}

static int load_all(struct policy_store *store)
{
	DIR *dir = opendir(store->sandboxes_folder);
	const struct dirent *entry;
	int r = dir == NULL ? -errno : load(store, &store->global);

	while (r == 0 && (entry = readdir(dir)) != NULL)
		r = load_sandbox(store, entry->d_name);
	if (dir != NULL)
		(void)closedir(dir);
	return r;
}

int policy_store_create(const char *state, const char *presets, struct policy_store **ret,
			struct err *err)
{
	struct policy_store *store = calloc(1, sizeof(*store));
	int r;

	if (store == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	list_init(&store->sandboxes);
	(void)pthread_mutex_init(&store->lock, NULL);
	presets_load(&store->presets, presets);
	store->generation = 1;
	store->folder = path_join(state, "policy");
	if (store->folder != NULL)
		store->sandboxes_folder = path_join(store->folder, "sandboxes");
	r = store->sandboxes_folder == NULL ? -ENOMEM : scope_init(&store->global, "");
	if (r == 0)
		r = file_make_folders(store->sandboxes_folder, 0700);
	if (r == 0)
		r = load_all(store);
	if (r < 0) {
		policy_store_destroy(store);
		return err_set_errno(err, r, "cannot read the policies below '%s'", state);
	}
	*ret = store;
	return 0;
}

void policy_store_destroy(struct policy_store *store)
{
	if (store == NULL)
		return;
	list_for_each (node, tmp, &store->sandboxes)
		drop(of_node(node));
	scope_finish(&store->global);
	presets_finish(&store->presets);
	(void)pthread_mutex_destroy(&store->lock);
	free(store->sandboxes_folder);
	free(store->folder);
	free(store);
}

void policy_store_set_hooks(struct policy_store *store, const struct policy_hooks *hooks)
{
	(void)pthread_mutex_lock(&store->lock);
	store->hooks = *hooks;
	(void)pthread_mutex_unlock(&store->lock);
}

uint64_t policy_store_generation(struct policy_store *store)
{
	uint64_t generation;

	(void)pthread_mutex_lock(&store->lock);
	generation = store->generation;
	(void)pthread_mutex_unlock(&store->lock);
	return generation;
}

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
	const char *own = scope == NULL ? NULL : text_of(scope, "preset");
	const char *file = scope == NULL ? NULL : text_of(scope, "file");
	const char *name = own != NULL ? own : text_of(&store->global, "preset");
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
	const char *kit = text_of(scope, "kit");
	bool ceiling;

	return kit == NULL ? 0 : add_text(kit, POLICY_FROM_KIT, effective, &ceiling);
}

/* Lock held. What is damaged allows nothing. */
static int gather(struct policy_store *store, const char *sandbox, struct effective *effective)
{
	const struct policy_scope *scope = sandbox == NULL ? NULL : find(store, sandbox);
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
	scope = sandbox == NULL ? NULL : find(store, sandbox);
	is_initialized = text_of(&store->global, "preset") != NULL ||
			 (scope != NULL &&
			  (text_of(scope, "preset") != NULL || text_of(scope, "file") != NULL));
	(void)pthread_mutex_unlock(&store->lock);
	return is_initialized;
}

/* Lock held. */
static json_t *describe(const struct policy_store *store, const struct policy_scope *scope)
{
	const struct policy_scope *base = &store->global;
	bool is_own =
		scope != NULL && (scope->damage.code < 0 || text_of(scope, "preset") != NULL ||
				  text_of(scope, "file") != NULL);

	if (is_own && base->damage.code == 0)
		base = scope;
	if (base->damage.code < 0)
		return json_pack("{ss ss}", "source", base == scope ? "sandbox" : "global",
				 "damage", base->damage.text);
	return json_pack("{ss ss*}", "source",
			 is_own				   ? "sandbox"
			 : text_of(base, "preset") != NULL ? "global"
							   : "none",
			 "preset", text_of(base, "preset"));
}

json_t *policy_store_describe(struct policy_store *store, const char *sandbox)
{
	json_t *json;

	(void)pthread_mutex_lock(&store->lock);
	json = describe(store, sandbox == NULL ? NULL : find(store, sandbox));
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

/* Tells of a change, without the lock. */
static unsigned tell(struct policy_store *store, const char *sandbox)
{
	struct policy_hooks hooks;

	(void)pthread_mutex_lock(&store->lock);
	store->generation++;
	hooks = store->hooks;
	(void)pthread_mutex_unlock(&store->lock);
	return hooks.changed == NULL ? 0 : hooks.changed(hooks.context, sandbox);
}

/* Lock held. Writes the scope as `json`, which is taken over. */
static int replace(struct policy_store *store, struct policy_scope *scope, json_t *json,
		   struct err *err)
{
	autofree char *path = path_of(store, scope);

	if (path == NULL) {
		json_decref(json);
		return err_set(err, -ENOMEM, "out of memory");
	}
	return scope_replace(scope, path, json, err);
}

/* Lock held. Nothing is built upon what cannot be read. */
static int begin_change(struct policy_store *store, const char *sandbox, struct policy_scope **ret,
			json_t **ret_json, struct err *err)
{
	struct policy_scope *scope = find_or_add(store, sandbox);

	if (scope == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (scope->damage.code < 0)
		return err_set(err, -EIO, "%s", scope->damage.text);
	*ret_json = json_deep_copy(scope->json);
	*ret = scope;
	return *ret_json == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
}

int policy_store_init(struct policy_store *store, const char *preset, struct err *err)
{
	const struct policy_preset *chosen = NULL;
	struct policy_scope *scope;
	json_t *json;
	int r = presets_find(&store->presets, preset, &chosen, err);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&store->lock);
	if (text_of(&store->global, "preset") != NULL)
		r = err_set(err, -EEXIST,
			    "default policy is already set; use \"sbx policy reset\" first to "
			    "change it");
	if (r == 0)
		r = begin_change(store, NULL, &scope, &json, err);
	if (r == 0) {
		(void)json_object_set_new(json, "preset", json_string(chosen->name));
		r = replace(store, scope, json, err);
	}
	(void)pthread_mutex_unlock(&store->lock);
	if (r == 0)
		(void)tell(store, NULL);
	return r;
}

/* Lock held. Without its rules; what is damaged becomes empty. */
static int reset_scope(struct policy_store *store, struct policy_scope *scope, struct err *err)
{
	bool is_global = scope == &store->global;
	json_t *json = json_deep_copy(scope->json);

	if (json == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	(void)json_object_set_new(json, "rules", json_array());
	if (is_global)
		(void)json_object_del(json, "preset");
	return replace(store, scope, json, err);
}

int policy_store_reset(struct policy_store *store, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = reset_scope(store, &store->global, err);
	list_for_each (node, tmp, &store->sandboxes)
		if (r == 0 && of_node(node)->damage.code == 0)
			r = reset_scope(store, of_node(node), err);
	(void)pthread_mutex_unlock(&store->lock);
	(void)tell(store, NULL);
	return r;
}

static size_t count_resources(const json_t *rules)
{
	size_t count = 0, i;
	const json_t *rule;

	json_array_foreach((json_t *)rules, i, rule)
	{
		count += json_array_size(json_object_get(rule, "resources"));
	}
	return count;
}

/* Lock held. Adds the rule to the scope, unless one says the same or the opposite. */
static int add_locked(struct policy_store *store, const char *sandbox, json_t *rule,
		      json_t **ret_same, struct err *err)
{
	size_t max = sandbox == NULL ? GLOBAL_RULES_MAX : SANDBOX_RULES_MAX;
	struct policy_scope *scope;
	json_t *json, *rules;
	int r = begin_change(store, sandbox, &scope, &json, err);

	if (r < 0)
		return r;
	rules = json_object_get(json, "rules");
	*ret_same = json_incref(stored_rules_find_same(rules, rule));
	if (*ret_same != NULL) {
		json_decref(json);
		return 0;
	}
	r = stored_rules_check_conflict(rules, rule, err);
	if (r == 0 &&
	    count_resources(rules) + json_array_size(json_object_get(rule, "resources")) > max)
		r = err_set(err, -EBUSY, "there are %zu resources in rules already; remove some",
			    max);
	if (r == 0 && json_array_append(rules, rule) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r < 0) {
		json_decref(json);
		return r;
	}
	return replace(store, scope, json, err);
}

int policy_store_add(struct policy_store *store, const char *sandbox,
		     const struct policy_wish *wish, json_t **ret_rule, bool *ret_existed,
		     unsigned *ret_told, struct err *err)
{
	json_t *rule, *same = NULL;
	int r = stored_rule_make(wish, &rule, err);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&store->lock);
	r = add_locked(store, sandbox, rule, &same, err);
	if (r == 0)
		*ret_rule = json_deep_copy(same != NULL ? same : rule);
	json_decref(rule);
	json_decref(same);
	(void)pthread_mutex_unlock(&store->lock);
	if (r < 0)
		return r;
	*ret_existed = same != NULL;
	*ret_told = same != NULL ? 0 : tell(store, sandbox);
	return *ret_rule == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
}

/* Lock held. */
static int remove_locked(struct policy_store *store, const char *sandbox,
			 const struct policy_selector *selector, json_t *removed, struct err *err)
{
	struct policy_scope *scope;
	json_t *json;
	int r = begin_change(store, sandbox, &scope, &json, err);

	if (r < 0)
		return r;
	r = stored_rules_remove(json_object_get(json, "rules"), selector, removed, err);
	if (r < 0) {
		json_decref(json);
		return r;
	}
	return replace(store, scope, json, err);
}

int policy_store_remove(struct policy_store *store, const char *sandbox,
			const struct policy_selector *selector, json_t **ret_removed,
			unsigned *ret_told, struct err *err)
{
	json_t *removed = json_array();
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = remove_locked(store, sandbox, selector, removed, err);
	(void)pthread_mutex_unlock(&store->lock);
	if (r < 0) {
		json_decref(removed);
		return r;
	}
	*ret_removed = removed;
	*ret_told = tell(store, sandbox);
	return 0;
}

/* Sets or clears one text of a sandbox's scope. */
static int set_text(struct policy_store *store, const char *sandbox, const char *member,
		    const char *text, const char *other, struct err *err)
{
	struct policy_scope *scope;
	json_t *json;
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = begin_change(store, sandbox, &scope, &json, err);
	if (r == 0) {
		if (other != NULL)
			(void)json_object_del(json, other);
		if (text != NULL)
			(void)json_object_set_new(json, member, json_string(text));
		else
			(void)json_object_del(json, member);
		r = replace(store, scope, json, err);
	}
	(void)pthread_mutex_unlock(&store->lock);
	if (r == 0)
		(void)tell(store, sandbox);
	return r;
}

static int check_text(const char *text, struct err *err)
{
	struct preset preset;
	size_t count;
	int r = preset_parse(text, strlen(text), POLICY_FROM_USER, &preset, err);

	if (r < 0)
		return r;
	count = preset.count;
	preset_finish(&preset);
	return count <= TEXT_RULES_MAX
		       ? 0
		       : err_set(err, -EINVAL, "it has more than %d rules", TEXT_RULES_MAX);
}

int policy_store_check_own(struct policy_store *store, const char *preset, const char *file,
			   struct err *err)
{
	const struct policy_preset *chosen;
	int r;

	if (file == NULL)
		return presets_find(&store->presets, preset, &chosen, err);
	r = check_text(file, err);
	return r < 0 ? err_wrap(err, "the policy file") : 0;
}

int policy_store_set_own(struct policy_store *store, const char *sandbox, const char *preset,
			 const char *file, struct err *err)
{
	const struct policy_preset *chosen;
	int r = policy_store_check_own(store, preset, file, err);

	if (r < 0)
		return r;
	if (file != NULL)
		return set_text(store, sandbox, "file", file, "preset", err);
	r = presets_find(&store->presets, preset, &chosen, err);
	return r < 0 ? r : set_text(store, sandbox, "preset", chosen->name, "file", err);
}

int policy_store_set_kit(struct policy_store *store, const char *sandbox, const char *text,
			 struct err *err)
{
	int r = text == NULL ? 0 : check_text(text, err);

	return r < 0 ? err_wrap(err, "the rules of the kit")
		     : set_text(store, sandbox, "kit", text, NULL, err);
}

void policy_store_forget(struct policy_store *store, const char *sandbox)
{
	struct policy_scope *scope;

	if (store == NULL)
		return;
	(void)pthread_mutex_lock(&store->lock);
	scope = find(store, sandbox);
	if (scope != NULL) {
		autofree char *path = path_of(store, scope);

		if (path != NULL)
			(void)unlink(path);
		drop(scope);
		store->generation++;
	}
	(void)pthread_mutex_unlock(&store->lock);
}

static json_t *view_scope(const struct policy_scope *scope)
{
	if (scope->damage.code < 0)
		return json_pack("{ss}", "damage", scope->damage.text);
	return json_deep_copy(scope->json);
}

json_t *policy_store_snapshot(struct policy_store *store)
{
	json_t *sandboxes = json_object(), *presets = json_object(), *all;

	for (size_t i = 0; i < POLICY_PRESETS; i++)
		(void)json_object_set_new(
			presets, store->presets.items[i].name,
			stored_rules_of_preset(&store->presets.items[i].preset, "default"));
	(void)pthread_mutex_lock(&store->lock);
	list_for_each (node, tmp, &store->sandboxes)
		(void)json_object_set_new(sandboxes, of_node(node)->name,
					  view_scope(of_node(node)));
	all = json_pack("{sI so so so}", "generation", (json_int_t)store->generation, "global",
			view_scope(&store->global), "sandboxes", sandboxes, "presets", presets);
	(void)pthread_mutex_unlock(&store->lock);
	return all;
}
