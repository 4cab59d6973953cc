#include "sbxd/policy_state.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/name.h"
#include "sbxd/paths.h"

static const char suffix[] = ".json";

static struct policy_scope *of_node(struct list *node)
{
	return container_of(node, struct policy_scope, node);
}

const char *policy_state_text(const struct policy_scope *scope, const char *member)
{
	return json_string_value(json_object_get(scope->json, member));
}

struct policy_scope *policy_state_find(struct policy_store *store, const char *sandbox)
{
	if (sandbox == NULL)
		return &store->global;
	list_for_each (node, tmp, &store->sandboxes)
		if (strcmp(of_node(node)->name, sandbox) == 0)
			return of_node(node);
	return NULL;
}

struct policy_scope *policy_state_add(struct policy_store *store, const char *sandbox)
{
	struct policy_scope *scope = policy_state_find(store, sandbox);

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

void policy_state_drop(struct policy_scope *scope)
{
	list_remove(&scope->node);
	scope_finish(scope);
	free(scope);
}

char *policy_state_path(const struct policy_store *store, const struct policy_scope *scope)
{
	char file[NAME_SIZE + sizeof(suffix)];

	(void)snprintf(file, sizeof(file), "%s%s", scope->name[0] == '\0' ? "global" : scope->name,
		       suffix);
	return path_join(scope->name[0] == '\0' ? store->folder : store->sandboxes_folder, file);
}

static int load(struct policy_store *store, struct policy_scope *scope)
{
	autofree char *path = policy_state_path(store, scope);

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
	scope = policy_state_add(store, name);
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
		policy_state_drop(of_node(node));
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
