#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "credential/credential.h"
#include "sbxd/name.h"
#include "sbxd/secret_state.h"
#include "sbxd/secret_view.h"

enum {
	PLACEHOLDER_RANDOM = 12, /* bytes, in hexadecimal */
	PLACEHOLDER_MAX = 256,
	USERNAME_MAX = 256,
};

static const char placeholder_pattern[] = "sk-{rand}", rand_word[] = "{rand}";

static bool is_visible(const char *text, size_t max)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len > 0 && len <= max;
}

static bool is_variable(const char *text)
{
	for (size_t i = 0; text[i] != '\0'; i++)
		if (!isalpha((unsigned char)text[i]) && text[i] != '_' &&
		    (i == 0 || !isdigit((unsigned char)text[i])))
			return false;
	return text[0] != '\0' && strlen(text) <= 128;
}

/* A host pattern, its port with it. */
static bool is_host(const char *text)
{
	size_t len = strspn(text,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			    "-_.*?:[]");

	return len > 0 && text[len] == '\0' && len <= OAUTH_HOST_MAX;
}

static int check_service(const struct secret_store *store, const struct secret_wish *wish,
			 struct err *err)
{
	autocall(buf_finish) struct buf names = { 0 };

	if (services_find(&store->services, wish->name) != NULL ||
	    secret_kit_service(store, wish->name) != NULL)
		return 0;
	buf_init(&names, ERR_TEXT_MAX);
	for (size_t i = 0; i < store->services.count; i++)
		(void)buf_printf(&names, "%s%s", i > 0 ? ", " : "", store->services.items[i].name);
	return err_set(err, -EINVAL,
		       "no service is called '%.80s'; there are: %s. For another, use 'sbx secret "
		       "set-custom'",
		       wish->name, buf_str(&names) != NULL ? buf_str(&names) : "");
}

static int check_custom(const struct secret_wish *wish, struct err *err)
{
	if (!is_variable(wish->name))
		return err_set(err, -EINVAL, "'%.80s' is no name of an environment variable",
			       wish->name);
	if (json_array_size(wish->targets) == 0 ||
	    json_array_size(wish->targets) > CREDENTIAL_TARGETS_MAX)
		return err_set(err, -EINVAL, "a custom secret is for 1 to %d hosts",
			       CREDENTIAL_TARGETS_MAX);
	for (size_t i = 0; i < json_array_size(wish->targets); i++) {
		const char *host = json_string_value(json_array_get(wish->targets, i));

		if (host == NULL || !is_host(host))
			return err_set(err, -EINVAL,
				       "'%.80s' is no host: give a name, without scheme and path",
				       host != NULL ? host : "");
	}
	return 0;
}

static int check_registry(const struct secret_wish *wish, struct err *err)
{
	char host[OAUTH_HOST_MAX + 1];
	uint16_t port;

	if (!is_host(wish->name) || strpbrk(wish->name, "*?") != NULL)
		return err_set(err, -EINVAL, "'%.80s' is no registry: give its host", wish->name);
	if (wish->username == NULL || !is_visible(wish->username, USERNAME_MAX) ||
	    strchr(wish->username, ':') != NULL)
		return err_set(err, -EINVAL, "a registry login needs a user name without ':'");
	if (wish->auth_endpoint != NULL && oauth_url_host(wish->auth_endpoint, host, &port) < 0)
		return err_set(err, -EINVAL, "'%.80s' is no https URL", wish->auth_endpoint);
	return 0;
}

/* What would split a header, or cannot be sent in one, is no value. */
static int check_value(const struct secret_wish *wish, struct err *err)
{
	struct secret_source source = { wish->command, wish->ref };
	int given = (wish->value != NULL) + (wish->command != NULL) + (wish->ref != NULL);

	if (given != 1)
		return err_set(err, -EINVAL, "give a value, a command or a reference, one of them");
	if (wish->snapshot && (wish->value != NULL || wish->no_verify || wish->refresh_s >= 0))
		return err_set(err, -EINVAL,
			       "a snapshot is of a command or a reference, which is asked now and "
			       "not again");
	if (wish->value == NULL)
		return secret_source_check(&source, err);
	if (wish->value[0] == '\0' || strlen(wish->value) > CREDENTIAL_VALUE_MAX)
		return err_set(err, -EINVAL, "a secret has 1 to %d bytes", CREDENTIAL_VALUE_MAX);
	for (const char *c = wish->value; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return err_set(err, -EINVAL,
				       "a secret is one line without control characters");
	return 0;
}

static int check(const struct secret_store *store, const struct secret_wish *wish, struct err *err)
{
	int r = wish->scope != NULL ? name_check(wish->scope, err) : 0;

	if (r == 0)
		r = check_value(wish, err);
	if (r < 0)
		return r;
	switch ((enum vault_kind)wish->kind) {
	case VAULT_SERVICE:
		return check_service(store, wish, err);
	case VAULT_CUSTOM:
		return check_custom(wish, err);
	case VAULT_REGISTRY:
		return check_registry(wish, err);
	case VAULT_OAUTH:
		break;
	}
	return err_set(err, -EINVAL, "a login is made inside a sandbox");
}

/* "{rand}" becomes what nobody else says. */
static int make_placeholder(const char *pattern, char ret[PLACEHOLDER_MAX + 1], struct err *err)
{
	const char *place = strstr(pattern, rand_word);
	uint8_t random[PLACEHOLDER_RANDOM];
	char text[PLACEHOLDER_RANDOM * 2 + 1] = "";
	int before = place != NULL ? (int)(place - pattern) : (int)strnlen(pattern, INT32_MAX);
	int n;

	if (place != NULL) {
		randombytes_buf(random, sizeof(random));
		(void)sodium_bin2hex(text, sizeof(text), random, sizeof(random));
	}
	n = snprintf(ret, PLACEHOLDER_MAX + 1, "%.*s%s%s", before, pattern, text,
		     place != NULL ? place + strlen(rand_word) : "");
	if (n < CREDENTIAL_SCAN_MIN || n > PLACEHOLDER_MAX || !is_visible(ret, PLACEHOLDER_MAX))
		return err_set(err, -EINVAL,
			       "a placeholder has %d to %d visible characters, so that nothing "
			       "else is taken for it",
			       CREDENTIAL_SCAN_MIN, PLACEHOLDER_MAX);
	return 0;
}

static int64_t refresh_of(const struct secret_wish *wish)
{
	if (wish->refresh_s >= 0)
		return wish->refresh_s;
	return wish->kind == VAULT_CUSTOM ? 0 : SECRET_SERVICE_REFRESH_S;
}

/* The entry's attributes as text; the placeholder stays that of an entry that is replaced. */
static char *make_attributes(const struct secret_wish *wish, const char *placeholder)
{
	bool has_source = wish->command != NULL || wish->ref != NULL;
	json_t *json = json_pack("{ss* ss* ss* ss* ss* sO*}", "command", wish->command, "ref",
				 wish->ref, "placeholder", placeholder, "username", wish->username,
				 "auth_endpoint", wish->auth_endpoint, "targets", wish->targets);
	char *text;

	if (json == NULL ||
	    (has_source && json_object_set_new(json, "refresh", json_integer(refresh_of(wish)))) ||
	    (wish->all_sandboxes && json_object_set_new(json, "all_sandboxes", json_true()))) {
		json_decref(json);
		return NULL;
	}
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static int put(struct secret_store *store, const struct secret_wish *wish, const char *attributes,
	       struct err *err)
{
	return vault_put(store->vault,
			 &(struct vault_entry){
				 .kind = (enum vault_kind)wish->kind,
				 .name = wish->name,
				 .scope = wish->scope,
				 .attributes = attributes,
				 .value = wish->value,
				 .value_len = wish->value != NULL ? strlen(wish->value) : 0,
				 .changed_at = time(NULL),
			 },
			 err);
}

static int find_placeholder(const struct secret_store *store, const struct secret_wish *wish,
			    char ret[PLACEHOLDER_MAX + 1], struct err *err)
{
	const struct vault_entry *old =
		vault_find(store->vault, VAULT_CUSTOM, wish->name, wish->scope);
	json_t *attributes = old != NULL ? secret_attributes(old) : NULL;
	const char *kept = json_string_value(json_object_get(attributes, "placeholder"));
	const char *pattern = wish->placeholder != NULL ? wish->placeholder
			      : kept != NULL		? kept
							: placeholder_pattern;
	int r = make_placeholder(pattern, ret, err);

	json_decref(attributes);
	return r;
}

/* Lock held. `text` is what the source gave, or NULL; it is taken over. */
static int enter(struct secret_store *store, const struct secret_wish *wish, char *text, size_t len,
		 char placeholder[PLACEHOLDER_MAX + 1], struct err *err)
{
	enum vault_kind kind = (enum vault_kind)wish->kind;
	autofree char *attributes = NULL;
	int r = secret_vault(store, err);

	if (r == 0 && !wish->force &&
	    vault_find(store->vault, kind, wish->name, wish->scope) != NULL)
		r = err_set(err, -EEXIST, "a secret for '%s' exists already; --force replaces it",
			    wish->name);
	if (r == 0 && kind == VAULT_CUSTOM)
		r = find_placeholder(store, wish, placeholder, err);
	if (r == 0) {
		attributes = make_attributes(wish, kind == VAULT_CUSTOM ? placeholder : NULL);
		r = attributes != NULL ? put(store, wish, attributes, err)
				       : err_set(err, -ENOMEM, "out of memory");
	}
	if (r < 0) {
		sodium_free(text);
		return r;
	}
	secret_value_forget(store, kind, wish->name, wish->scope);
	if (text != NULL)
		(void)secret_value_put(store, kind, wish->name, wish->scope, text, len);
	store->generation++;
	(void)pthread_cond_signal(&store->wake);
	return 0;
}

static void audit_change(struct secret_store *store, const char *action, int kind, const char *name,
			 const char *scope)
{
	secret_audit(store, scope,
		     json_pack("{ss ss ss}", "action", action, "type", secret_kind_name(kind),
			       "name", name));
}

/* A snapshot is a value like any other, and knows no source. */
static int take_snapshot(const struct secret_wish *wish, char *text, size_t len,
			 struct secret_wish *ret, struct err *err)
{
	*ret = *wish;
	ret->command = NULL;
	ret->ref = NULL;
	ret->value = text;
	ret->snapshot = false;
	if (strlen(text) != len)
		return err_set(err, -EINVAL, "what the source gives is no text");
	return check_value(ret, err);
}

static int set(struct secret_store *store, const struct secret_wish *wish, char *text, size_t len,
	       json_t **ret, struct err *err)
{
	char placeholder[PLACEHOLDER_MAX + 1];
	enum vault_key key = VAULT_KEY_FILE;
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = enter(store, wish, text, len, placeholder, err);
	if (r == 0)
		key = vault_key(store->vault);
	(void)pthread_mutex_unlock(&store->lock);
	if (r < 0)
		return r;
	audit_change(store, "set", wish->kind, wish->name, wish->scope);
	*ret = json_pack("{ss* ss ss ss* ss si}", "scope", wish->scope, "type",
			 secret_kind_name(wish->kind), "name", wish->name, "placeholder",
			 wish->kind == VAULT_CUSTOM ? placeholder : NULL, "protection",
			 secret_protection_name(key), "applied",
			 (int)secret_tell(store, wish->scope));
	return *ret != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int secret_store_set(struct secret_store *store, const struct secret_wish *wish, json_t **ret,
		     struct err *err)
{
	const struct secret_source source = { wish->command, wish->ref };
	struct secret_wish snapshot;
	char *text = NULL;
	size_t len = 0;
	int r = check(store, wish, err);

	if (r == 0 && wish->value == NULL && !wish->no_verify)
		r = secret_source_ask(&source, wish->show_error, &text, &len, err);
	if (r < 0)
		return r;
	if (!wish->snapshot || text == NULL)
		return set(store, wish, text, len, ret, err);
	r = take_snapshot(wish, text, len, &snapshot, err);
	if (r == 0)
		r = set(store, &snapshot, NULL, 0, ret, err);
	sodium_free(text);
	return r;
}

static bool has_target(const json_t *attributes, const char *host)
{
	const json_t *targets = json_object_get(attributes, "targets");

	for (size_t i = 0; i < json_array_size(targets); i++)
		if (strcmp(json_string_value(json_array_get(targets, i)), host) == 0)
			return true;
	return false;
}

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A login belongs to its service, and so does its token for renewal, "NAME/refresh". */
static bool is_login_of(const struct vault_entry *entry, const char *service)
{
	size_t len = strlen(service);

	return entry->kind == VAULT_OAUTH && strncmp(entry->name, service, len) == 0 &&
	       (entry->name[len] == '\0' || entry->name[len] == '/');
}

static bool is_selected(const struct vault_entry *entry, const struct secret_selector *selector)
{
	const char *placeholder;
	json_t *attributes;
	bool selected;

	if (selector->kind == VAULT_SERVICE && selector->scope == NULL && selector->name != NULL &&
	    is_login_of(entry, selector->name))
		return true;
	if ((!selector->any_scope && !is_same(entry->scope, selector->scope)) ||
	    (selector->kind != 0 && (int)entry->kind != selector->kind) ||
	    (selector->name != NULL && strcmp(entry->name, selector->name) != 0))
		return false;
	attributes = secret_attributes(entry);
	placeholder = json_string_value(json_object_get(attributes, "placeholder"));
	selected = (selector->host == NULL || has_target(attributes, selector->host)) &&
		   (selector->placeholder == NULL || is_same(placeholder, selector->placeholder));
	json_decref(attributes);
	return selected;
}

/* Removes what is selected; the vault changes under the walk, so it begins anew each time. */
static int remove_selected(struct secret_store *store, const struct secret_selector *selector,
			   json_t *removed, struct err *err)
{
	int r = secret_vault(store, err);
	size_t i = 0;

	while (r == 0 && i < vault_count(store->vault)) {
		const struct vault_entry *entry = vault_at(store->vault, i);
		bool is_part; /* of a login, which is told of as one */
		json_t *told;

		if (!is_selected(entry, selector)) {
			i++;
			continue;
		}
		is_part = entry->kind == VAULT_OAUTH && strchr(entry->name, '/') != NULL;
		told = json_pack("{ss* ss ss}", "scope", entry->scope, "type",
				 secret_kind_name(entry->kind), "name", entry->name);
		secret_value_forget(store, entry->kind, entry->name, entry->scope);
		r = told != NULL
			    ? vault_remove(store->vault, entry->kind,
					   json_string_value(json_object_get(told, "name")),
					   json_string_value(json_object_get(told, "scope")), err)
			    : err_set(err, -ENOMEM, "out of memory");
		if (!is_part)
			(void)json_array_append(removed, told);
		json_decref(told);
		store->generation++;
		i = 0;
	}
	return r;
}

static void audit_removed(struct secret_store *store, const json_t *removed)
{
	for (size_t i = 0; i < json_array_size(removed); i++) {
		const json_t *one = json_array_get(removed, i);
		json_t *details = json_deep_copy(one);

		if (details != NULL)
			(void)json_object_set_new(details, "action", json_string("removed"));
		secret_audit(store, json_string_value(json_object_get(one, "scope")), details);
	}
}

int secret_store_remove(struct secret_store *store, const struct secret_selector *selector,
			json_t **ret, struct err *err)
{
	json_t *removed = json_array();
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = removed != NULL ? remove_selected(store, selector, removed, err)
			    : err_set(err, -ENOMEM, "out of memory");
	(void)pthread_mutex_unlock(&store->lock);
	if (r == 0 && json_array_size(removed) == 0)
		r = err_set(err, -ENOENT, "no secret found for %s \"%s\" in scope \"%s\"",
			    selector->kind != 0 ? secret_kind_name(selector->kind) : "selector",
			    selector->name != NULL ? selector->name : "",
			    selector->scope != NULL ? selector->scope : "global");
	audit_removed(store, removed);
	if (r == 0) {
		*ret = json_pack(
			"{sO si}", "removed", removed, "applied",
			(int)secret_tell(store, selector->any_scope ? NULL : selector->scope));
		r = *ret != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
	}
	json_decref(removed);
	return r;
}

void secret_store_forget_sandbox(struct secret_store *store, const char *sandbox)
{
	const struct secret_selector selector = { .scope = sandbox };
	json_t *removed = json_array();
	struct err ignored = ERR_INIT;

	if (store != NULL && removed != NULL) {
		(void)pthread_mutex_lock(&store->lock);
		(void)remove_selected(store, &selector, removed, &ignored);
		(void)pthread_mutex_unlock(&store->lock);
		audit_removed(store, removed);
	}
	secret_store_forget_kit(store, sandbox);
	json_decref(removed);
}

int secret_store_unlock(struct secret_store *store, const char *passphrase, struct err *err)
{
	struct vault *vault = NULL;
	int r = vault_open(store->folder, passphrase, &vault, err);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&store->lock);
	vault_close(store->vault);
	store->vault = vault;
	store->generation++;
	store->must_tell = true;
	(void)pthread_cond_signal(&store->wake);
	(void)pthread_mutex_unlock(&store->lock);
	return 0;
}

int secret_store_rekey(struct secret_store *store, const char *passphrase, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = secret_vault(store, err);
	if (r == 0)
		r = vault_rekey(store->vault, passphrase, err);
	(void)pthread_mutex_unlock(&store->lock);
	if (r == 0)
		secret_audit(
			store, NULL,
			json_pack("{ss sb}", "action", "passphrase", "set", passphrase != NULL));
	return r;
}
