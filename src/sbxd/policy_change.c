#include "sbxd/policy_state.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"

/* With a preset or a file of 2000 rules a policy stays within POLICY_RULES_MAX. */
enum { GLOBAL_RULES_MAX = 3000, SANDBOX_RULES_MAX = 2000, TEXT_RULES_MAX = 1500 };

static struct policy_scope *of_node(struct list *node)
{
	return container_of(node, struct policy_scope, node);
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
	autofree char *path = policy_state_path(store, scope);

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
	struct policy_scope *scope = policy_state_add(store, sandbox);

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
	if (policy_state_text(&store->global, "preset") != NULL)
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

int policy_store_check_kit(const char *text, struct err *err)
{
	int r = text == NULL ? 0 : check_text(text, err);

	return r < 0 ? err_wrap(err, "the rules of the kit") : 0;
}

int policy_store_set_kit(struct policy_store *store, const char *sandbox, const char *text,
			 struct err *err)
{
	int r = policy_store_check_kit(text, err);

	return r < 0 ? r : set_text(store, sandbox, "kit", text, NULL, err);
}

void policy_store_forget(struct policy_store *store, const char *sandbox)
{
	struct policy_scope *scope;

	if (store == NULL)
		return;
	(void)pthread_mutex_lock(&store->lock);
	scope = policy_state_find(store, sandbox);
	if (scope != NULL) {
		autofree char *path = policy_state_path(store, scope);

		if (path != NULL)
			(void)unlink(path);
		policy_state_drop(scope);
		store->generation++;
	}
	(void)pthread_mutex_unlock(&store->lock);
}
