#include "sbxd/secret_view.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "sbxd/secret_state.h"

enum { MASK_SHORT = 6, MASK_LONG = 20, SHOWN_FIRST = 6, SHOWN_LAST = 4, PASSWORD_SHORT = 12 };

static const char *const kinds[] = {
	[VAULT_SERVICE] = "service",
	[VAULT_CUSTOM] = "custom",
	[VAULT_REGISTRY] = "registry",
	[VAULT_OAUTH] = "oauth",
};

const char *secret_kind_name(int kind)
{
	return kind > 0 && (size_t)kind < countof(kinds) ? kinds[kind] : "";
}

int secret_kind_parse(const char *name)
{
	for (size_t i = 1; i < countof(kinds); i++)
		if (strcmp(kinds[i], name) == 0)
			return (int)i;
	return 0;
}

const char *secret_protection_name(enum vault_key key)
{
	switch (key) {
	case VAULT_KEY_FILE:
		return "file";
	case VAULT_KEY_PASSPHRASE:
		return "passphrase";
	case VAULT_KEY_KEYRING:
		return "keyring";
	}
	return "";
}

void secret_mask(const char *value, size_t len, bool is_password, char ret[SECRET_MASKED_MAX + 1])
{
	size_t total = min_of(len, (size_t)SECRET_MASKED_MAX);

	if (is_password && len < PASSWORD_SHORT)
		total = min_of(len, (size_t)8);
	memset(ret, '*', total);
	ret[total] = '\0';
	if (len <= MASK_SHORT || (is_password && len < PASSWORD_SHORT))
		return;
	memcpy(ret, value, SHOWN_FIRST);
	if (len >= MASK_LONG)
		memcpy(ret + total - SHOWN_LAST, value + len - SHOWN_LAST, SHOWN_LAST);
}

/* What stands in the SECRET column. */
static void describe(const struct secret_store *store, const struct vault_entry *entry,
		     const json_t *attributes, char ret[SECRET_MASKED_MAX + 1])
{
	const char *text = secret_text(store, entry);
	struct secret_source source;

	if (entry->kind == VAULT_OAUTH)
		(void)strncpy(ret, "(oauth configured)", SECRET_MASKED_MAX + 1);
	else if (text != NULL)
		secret_mask(text, strlen(text), entry->kind == VAULT_REGISTRY, ret);
	else
		(void)strncpy(
			ret, secret_attributes_source(attributes, &source) ? "(not asked yet)" : "",
			SECRET_MASKED_MAX + 1);
}

static json_t *view_entry(const struct secret_store *store, const struct vault_entry *entry)
{
	json_t *attributes = secret_attributes(entry), *view;
	char masked[SECRET_MASKED_MAX + 1];
	struct secret_source source;
	bool has_source = secret_attributes_source(attributes, &source);

	describe(store, entry, attributes, masked);
	view = json_pack("{ss* ss ss ss ss sO* sO* sO* sO* sO* sI}", "scope", entry->scope, "type",
			 secret_kind_name(entry->kind), "name", entry->name, "secret", masked,
			 "source",
			 !has_source		  ? "stored"
			 : source.command != NULL ? "command"
						  : "ref",
			 "refresh", json_object_get(attributes, "refresh"), "username",
			 json_object_get(attributes, "username"), "targets",
			 json_object_get(attributes, "targets"), "placeholder",
			 json_object_get(attributes, "placeholder"), "all_sandboxes",
			 json_object_get(attributes, "all_sandboxes"), "changed_at",
			 (json_int_t)entry->changed_at);
	if (view != NULL && entry->kind == VAULT_CUSTOM)
		(void)json_object_set_new(view, "env", json_string(entry->name));
	json_decref(attributes);
	return view;
}

static int add_entries(struct secret_store *store, json_t *secrets, json_t *customs)
{
	for (size_t i = 0; i < vault_count(store->vault); i++) {
		const struct vault_entry *entry = vault_at(store->vault, i);
		json_t *list = entry->kind == VAULT_CUSTOM ? customs : secrets;

		/* a login has a second entry, which nobody needs to see */
		if (entry->kind == VAULT_OAUTH && strchr(entry->name, '/') != NULL)
			continue;
		if (json_array_append_new(list, view_entry(store, entry)) < 0)
			return -1;
	}
	return 0;
}

/* What protects the vault, also one that cannot be opened now. */
static const char *protection(const struct secret_store *store)
{
	enum vault_key key;

	return vault_peek(store->folder, &key) == 0 ? secret_protection_name(key) : "none";
}

json_t *secret_store_list(struct secret_store *store)
{
	json_t *secrets = json_array(), *customs = json_array();
	struct err err = ERR_INIT;
	bool is_open;

	(void)pthread_mutex_lock(&store->lock);
	is_open = secret_vault(store, &err) == 0;
	if (is_open && add_entries(store, secrets, customs) < 0) {
		json_decref(secrets);
		secrets = NULL;
	}
	(void)pthread_mutex_unlock(&store->lock);
	return json_pack("{ss sb ss* so so}", "protection", protection(store), "locked", !is_open,
			 "reason", is_open ? NULL : err.text, "secrets", secrets, "custom_secrets",
			 customs);
}

json_t *secret_store_names(struct secret_store *store, const char *sandbox)
{
	json_t *seen = json_object(), *names = json_array(), *ignored;
	struct err err = ERR_INIT;
	const char *name;

	(void)pthread_mutex_lock(&store->lock);
	for (size_t i = 0; secret_vault(store, &err) == 0 && i < vault_count(store->vault); i++) {
		const struct vault_entry *entry = vault_at(store->vault, i);
		bool is_second = entry->kind == VAULT_OAUTH && strchr(entry->name, '/') != NULL;

		if (!is_second && secret_is_effective(store, entry, sandbox))
			(void)json_object_set_new(seen, entry->name, json_true());
	}
	(void)pthread_mutex_unlock(&store->lock);
	json_object_foreach(seen, name, ignored)
	{
		(void)json_array_append_new(names, json_string(name));
	}
	json_decref(seen);
	return names;
}

int secret_store_check(struct secret_store *store, struct err *err)
{
	enum vault_key key;
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = vault_peek(store->folder, &key) == -ENOENT ? -ENOENT : secret_vault(store, err);
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

json_t *secret_store_services(struct secret_store *store)
{
	json_t *list = json_array();

	for (size_t i = 0; i < store->services.count; i++) {
		const struct service *service = &store->services.items[i];
		json_t *env = json_array();

		for (char **name = service->env; name != NULL && *name != NULL; name++)
			(void)json_array_append_new(env, json_string(*name));
		(void)json_array_append_new(list,
					    json_pack("{ss so sb}", "name", service->name, "env",
						      env, "oauth", service->token_url != NULL));
	}
	return json_pack("{so}", "services", list);
}
