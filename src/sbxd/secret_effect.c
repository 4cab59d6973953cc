#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "credential/credential.h"
#include "sbxd/login_file.h"
#include "sbxd/secret_state.h"
#include "sbxd/string_list.h"
#include "wire/proxy.h"

enum { FOR_LONG_S = 365 * 24 * 3600 };

/* Docker Hub has one name for people and others for machines. */
static const char *const docker_hub[] = { "docker.io", "registry-1.docker.io", "auth.docker.io",
					  "index.docker.io" };

bool secret_is_effective(const struct secret_store *store, const struct vault_entry *entry,
			 const char *sandbox)
{
	bool is_for_all;
	json_t *attributes;

	if (entry->scope != NULL)
		return sandbox != NULL && strcmp(entry->scope, sandbox) == 0;
	if (sandbox != NULL && vault_find(store->vault, entry->kind, entry->name, sandbox) != NULL)
		return false;
	if (entry->kind != VAULT_REGISTRY)
		return true;
	attributes = secret_attributes(entry);
	is_for_all = json_is_true(json_object_get(attributes, "all_sandboxes"));
	json_decref(attributes);
	return is_for_all;
}

const char *secret_text(const struct secret_store *store, const struct vault_entry *entry)
{
	const struct secret_value *value;

	if (entry->value != NULL)
		return entry->value;
	value = secret_value_find(store, entry);
	return value != NULL ? value->text : NULL;
}

/* The key of a service that is in effect; NULL: none. */
static const struct vault_entry *find_key(const struct secret_store *store,
					  const struct service *service, const char *sandbox)
{
	const struct vault_entry *entry = NULL;

	if (store->vault == NULL)
		return NULL;
	if (sandbox != NULL)
		entry = vault_find(store->vault, VAULT_SERVICE, service->name, sandbox);
	return entry != NULL ? entry : vault_find(store->vault, VAULT_SERVICE, service->name, NULL);
}

/* A login counts where there is no key. */
static const struct vault_entry *find_login(const struct secret_store *store,
					    const struct service *service, const char *sandbox)
{
	if (store->vault == NULL || service->token_url == NULL ||
	    find_key(store, service, sandbox) != NULL)
		return NULL;
	return vault_find(store->vault, VAULT_OAUTH, service->name, NULL);
}

/* Takes one credential, which is weak: nothing of it is kept. */
typedef int take_fn(void *context, const struct proxy_message *message);

static int give_service(const struct secret_store *store, const struct service *service,
			const struct vault_entry *key, take_fn *take, void *context)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < service->injects_count; i++)
		r = take(context, &(struct proxy_message){
					  .type = PROXY_CREDENTIAL,
					  .kind = CREDENTIAL_SERVICE,
					  .name = service->name,
					  .header = service->injects[i].header,
					  .format = service->injects[i].format,
					  .sentinel = service->sentinel,
					  .targets = service->injects[i].hosts,
					  .value = (char *)secret_text(store, key),
				  });
	return r;
}

static int give_login(const struct secret_store *store, const struct service *service,
		      const struct vault_entry *login, take_fn *take, void *context)
{
	char host[OAUTH_HOST_MAX + 1];
	char *watched[] = { host, NULL };
	const struct vault_entry *refresh = NULL;
	uint16_t port;

	if (oauth_url_host(service->token_url, host, &port) < 0)
		return 0;
	if (login != NULL)
		refresh = secret_refresh_token(store, service);
	return take(context, &(struct proxy_message){
				     .type = PROXY_CREDENTIAL,
				     .kind = CREDENTIAL_OAUTH,
				     .name = service->name,
				     .header = (char *)"authorization",
				     .format = (char *)"Bearer %s",
				     .sentinel = service->access_sentinel,
				     .refresh_sentinel = service->refresh_sentinel,
				     .token_url = service->token_url,
				     .targets = login != NULL ? service->oauth_hosts : watched,
				     .value = login != NULL ? (char *)login->value : NULL,
				     .refresh = refresh != NULL ? (char *)refresh->value : NULL,
			     });
}

/* Strings of a JSON list, weak, and a NULL. */
static void list_strings(const json_t *list, char *ret[PROXY_TARGETS_MAX + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(list) && count < PROXY_TARGETS_MAX; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text != NULL)
			ret[count++] = (char *)text;
	}
	ret[count] = NULL;
}

static int give_custom(const struct secret_store *store, const struct vault_entry *entry,
		       const json_t *attributes, take_fn *take, void *context)
{
	char *targets[PROXY_TARGETS_MAX + 1];

	list_strings(json_object_get(attributes, "targets"), targets);
	return take(context, &(struct proxy_message){
				     .type = PROXY_CREDENTIAL,
				     .kind = CREDENTIAL_CUSTOM,
				     .name = (char *)entry->name,
				     .sentinel = (char *)json_string_value(
					     json_object_get(attributes, "placeholder")),
				     .targets = targets,
				     .value = (char *)secret_text(store, entry),
			     });
}

/* The registry itself, and where it sends for tokens. */
static int give_registry(const struct secret_store *store, const struct vault_entry *entry,
			 const json_t *attributes, take_fn *take, void *context)
{
	const char *endpoint = json_string_value(json_object_get(attributes, "auth_endpoint"));
	char host[OAUTH_HOST_MAX + 1];
	char *targets[countof(docker_hub) + 2] = { (char *)entry->name };
	size_t count = 1;
	uint16_t port;

	for (size_t i = 1; strcmp(entry->name, docker_hub[0]) == 0 && i < countof(docker_hub); i++)
		targets[count++] = (char *)docker_hub[i];
	if (endpoint != NULL && oauth_url_host(endpoint, host, &port) == 0)
		targets[count++] = host;
	return take(context, &(struct proxy_message){
				     .type = PROXY_CREDENTIAL,
				     .kind = CREDENTIAL_REGISTRY,
				     .name = (char *)entry->name,
				     .username = (char *)json_string_value(
					     json_object_get(attributes, "username")),
				     .targets = targets,
				     .value = (char *)secret_text(store, entry),
			     });
}

/* What is no service's: its kind says how. */
static int give_entry(const struct secret_store *store, const struct vault_entry *entry,
		      take_fn *take, void *context)
{
	json_t *attributes = secret_attributes(entry);
	int r = 0;

	switch (entry->kind) {
	case VAULT_CUSTOM:
		r = give_custom(store, entry, attributes, take, context);
		break;
	case VAULT_REGISTRY:
		r = give_registry(store, entry, attributes, take, context);
		break;
	case VAULT_SERVICE:
	case VAULT_OAUTH:
		break;
	}
	json_decref(attributes);
	return r;
}

static int give_services(struct secret_store *store, const struct services *services,
			 const char *sandbox, take_fn *take, void *context)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < services->count; i++) {
		const struct service *service = &services->items[i];
		const struct vault_entry *key = find_key(store, service, sandbox);

		if (key != NULL)
			r = give_service(store, service, key, take, context);
		if (r == 0 && service->token_url != NULL)
			r = give_login(store, service, find_login(store, service, sandbox), take,
				       context);
	}
	return r;
}

/* All that is in effect, and the token endpoints, which are watched in any case. Lock held. */
static int give_all(struct secret_store *store, const char *sandbox, take_fn *take, void *context)
{
	const struct secret_kit *kit = secret_kit_find(store, sandbox);
	struct err ignored = ERR_INIT;
	int r;

	if (secret_vault(store, &ignored) < 0)
		return 0;
	r = give_services(store, &store->services, sandbox, take, context);
	if (r == 0 && kit != NULL)
		r = give_services(store, &kit->services, sandbox, take, context);
	for (size_t i = 0; r == 0 && i < vault_count(store->vault); i++)
		if (secret_is_effective(store, vault_at(store->vault, i), sandbox))
			r = give_entry(store, vault_at(store->vault, i), take, context);
	return r;
}

static int take_frame(void *context, const struct proxy_message *message)
{
	return proxy_message_append(context, message);
}

int secret_store_append(struct secret_store *store, const char *sandbox, struct buf *frames)
{
	const struct proxy_message begin = { .type = PROXY_CREDENTIALS_BEGIN };
	const struct proxy_message end = { .type = PROXY_CREDENTIALS_END };
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = proxy_message_append(frames, &begin);
	if (r == 0)
		r = give_all(store, sandbox, take_frame, frames);
	if (r == 0)
		r = proxy_message_append(frames, &end);
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

static bool has(const struct string_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

/* Without a port: what is looked into is decided in sbx-proxy. */
static int take_targets(void *context, const struct proxy_message *message)
{
	char host[OAUTH_HOST_MAX + 1];
	uint16_t port;
	int r = 0;

	for (char **target = message->targets; r == 0 && *target != NULL; target++)
		if (!has(context, *target))
			r = string_list_add(context, *target);
	if (r == 0 && message->token_url != NULL &&
	    oauth_url_host(message->token_url, host, &port) == 0 && !has(context, host))
		r = string_list_add(context, host);
	return r;
}

int secret_store_targets(struct secret_store *store, const char *sandbox, struct string_list *ret)
{
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = give_all(store, sandbox, take_targets, ret);
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

/* SBX_CRED_<SERVICE>_MODE, for scripts that start an agent. */
static int add_mode(const struct service *service, const char *mode, struct string_list *ret)
{
	char name[SERVICE_NAME_MAX + 1];
	size_t i = 0;

	for (; service->name[i] != '\0'; i++)
		name[i] = service->name[i] == '-' ? '_' : (char)toupper(service->name[i]);
	name[i] = '\0';
	return string_list_addf(ret, "SBX_CRED_%s_MODE=%s", name, mode);
}

static int add_service(const struct secret_store *store, const struct service *service,
		       const char *sandbox, struct string_list *ret)
{
	bool has_key = find_key(store, service, sandbox) != NULL;
	bool has_login = find_login(store, service, sandbox) != NULL;
	int r = add_mode(service, has_key ? "apikey" : has_login ? "oauth" : "none", ret);

	for (char **env = service->env; r == 0 && has_key && env != NULL && *env != NULL; env++)
		r = string_list_addf(ret, "%s=%s", *env, service->sentinel);
	return r;
}

/* Where the kit wants sentinels beside the service's own variables. */
static int add_kit(const struct secret_store *store, const struct secret_kit *kit,
		   const char *sandbox, struct string_list *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < kit->services.count; i++)
		r = add_service(store, &kit->services.items[i], sandbox, ret);
	for (size_t i = 0; r == 0 && i < kit->env.count; i++) {
		const char *name = kit->env.items[i], *equals = strchr(name, '=');
		const struct service *service = services_find(&store->services, equals + 1);

		if (service == NULL)
			service = services_find(&kit->services, equals + 1);
		if (service != NULL && find_key(store, service, sandbox) != NULL)
			r = string_list_addf(ret, "%.*s=%s", (int)(equals - name), name,
					     service->sentinel);
	}
	return r;
}

int secret_store_environment(struct secret_store *store, const char *sandbox,
			     struct string_list *ret)
{
	const struct secret_kit *kit;
	struct err ignored = ERR_INIT;
	int r = 0;

	(void)pthread_mutex_lock(&store->lock);
	(void)secret_vault(store, &ignored);
	for (size_t i = 0; r == 0 && i < store->services.count; i++)
		r = add_service(store, &store->services.items[i], sandbox, ret);
	kit = secret_kit_find(store, sandbox);
	if (r == 0 && kit != NULL)
		r = add_kit(store, kit, sandbox, ret);
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

static int take_placeholder(void *context, const struct proxy_message *message)
{
	if (message->kind != CREDENTIAL_CUSTOM || message->sentinel == NULL)
		return 0;
	return string_list_addf(context, "%s=%s", message->name, message->sentinel);
}

int secret_store_custom_environment(struct secret_store *store, const char *sandbox,
				    struct string_list *ret)
{
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = give_all(store, sandbox, take_placeholder, ret);
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

static int make_file(const struct service *service, const struct vault_entry *login,
		     struct secret_file *ret)
{
	json_t *attributes = secret_attributes(login);
	const char *id = json_string_value(json_object_get(attributes, "id"));
	json_int_t expires = json_integer_value(json_object_get(attributes, "expires"));

	/* What is renewed here need not be renewed there. */
	if (service->oauth_client != NULL)
		expires = time(NULL) + FOR_LONG_S;
	ret->path = strdup(service->oauth_file);
	ret->text = login_file_text(service, id, (uint64_t)expires);
	json_decref(attributes);
	if (ret->path != NULL && ret->text != NULL)
		return 0;
	secret_file_finish(ret);
	return -ENOMEM;
}

static int make_files(const struct secret_store *store, const struct services *services,
		      const char *sandbox, struct secret_file ret[SECRET_FILES_MAX], int *count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < services->count && *count < SECRET_FILES_MAX; i++) {
		const struct service *service = &services->items[i];
		const struct vault_entry *login = find_login(store, service, sandbox);

		if (login == NULL || service->oauth_file == NULL)
			continue;
		r = make_file(service, login, &ret[*count]);
		*count += r == 0;
	}
	return r;
}

int secret_store_files(struct secret_store *store, const char *sandbox,
		       struct secret_file ret[SECRET_FILES_MAX])
{
	const struct secret_kit *kit;
	struct err ignored = ERR_INIT;
	int count = 0, r;

	(void)pthread_mutex_lock(&store->lock);
	(void)secret_vault(store, &ignored);
	kit = secret_kit_find(store, sandbox);
	r = make_files(store, &store->services, sandbox, ret, &count);
	if (r == 0 && kit != NULL)
		r = make_files(store, &kit->services, sandbox, ret, &count);
	(void)pthread_mutex_unlock(&store->lock);
	while (r < 0 && count > 0)
		secret_file_finish(&ret[--count]);
	return r < 0 ? r : count;
}

void secret_file_finish(struct secret_file *file)
{
	free(file->path);
	free(file->text);
	*file = (struct secret_file){ .path = NULL };
}

int secret_store_registry(struct secret_store *store, const char *host, char **ret_username,
			  char **ret_password)
{
	autofree char *username = NULL;
	const struct vault_entry *entry = NULL;
	struct err ignored = ERR_INIT;
	const char *password = NULL;
	json_t *attributes = NULL;
	int r = -ENOENT;

	(void)pthread_mutex_lock(&store->lock);
	if (secret_vault(store, &ignored) == 0)
		entry = vault_find(store->vault, VAULT_REGISTRY, host, NULL);
	if (entry != NULL) {
		attributes = secret_attributes(entry);
		password = secret_text(store, entry);
	}
	if (json_object_get(attributes, "username") != NULL && password != NULL) {
		username = strdup(json_string_value(json_object_get(attributes, "username")));
		*ret_password = username == NULL ? NULL : strdup(password);
		r = username == NULL || *ret_password == NULL ? -ENOMEM : 0;
	}
	(void)pthread_mutex_unlock(&store->lock);
	json_decref(attributes);
	if (r == 0)
		*ret_username = take_ptr(username);
	return r;
}
