#include "sbxd/secret_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/log.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/secret_state.h"
#include "wire/proxy.h"

enum { WORKER_WAIT_MS = 3600 * 1000, RETRY_MS = 60 * 1000 };

/* Where the passphrase is when nobody can be asked: a file that the variable names. */
static int read_passphrase(struct buf *ret, struct err *err)
{
	const char *path = getenv("SBX_VAULT_PASSPHRASE_FILE");
	int r;

	buf_init(ret, VAULT_PASSPHRASE_MAX + 2);
	if (path == NULL || path[0] == '\0')
		return -ENOENT;
	r = file_read(AT_FDCWD, path, ret);
	if (r < 0)
		return err_set_errno(err, r, "cannot read the passphrase in '%s'", path);
	while (ret->len > 0 && (ret->data[ret->len - 1] == '\n' || ret->data[ret->len - 1] == '\r'))
		ret->len--;
	return 0;
}

int secret_vault(struct secret_store *store, struct err *err)
{
	struct buf passphrase;
	int r;

	if (store->vault != NULL)
		return 0;
	r = read_passphrase(&passphrase, err);
	if (r == 0 || r == -ENOENT)
		r = vault_open(store->folder, r == 0 ? buf_str(&passphrase) : NULL, &store->vault,
			       err);
	if (passphrase.data != NULL)
		explicit_bzero(passphrase.data, passphrase.cap);
	buf_finish(&passphrase);
	return r;
}

unsigned secret_tell(struct secret_store *store, const char *scope)
{
	return store->hooks.changed != NULL ? store->hooks.changed(store->hooks.context, scope) : 0;
}

void secret_audit(struct secret_store *store, const char *sandbox, json_t *details)
{
	if (store->hooks.audit != NULL && details != NULL)
		store->hooks.audit(store->hooks.context, sandbox, details);
	else
		json_decref(details);
}

static const char refresh_suffix[] = "/refresh";

/* One of the two tokens of a login; lock held, vault open. */
static int enter_token(struct secret_store *store, const char *service, const char *suffix,
		       const char *token, const json_t *attributes, struct err *err)
{
	char name[SERVICE_NAME_MAX + sizeof(refresh_suffix)];
	autofree char *text = json_dumps(attributes, JSON_COMPACT);

	if (token == NULL)
		return 0;
	if (text == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	(void)snprintf(name, sizeof(name), "%s%s", service, suffix);
	return vault_put(store->vault,
			 &(struct vault_entry){ .kind = VAULT_OAUTH,
						.name = name,
						.attributes = text,
						.value = token,
						.value_len = strlen(token),
						.changed_at = time(NULL) },
			 err);
}

/* A renewal need not say again who the user is. */
static json_t *attributes_of(const struct secret_store *store, const struct secret_tokens *tokens)
{
	const struct vault_entry *login =
		vault_find(store->vault, VAULT_OAUTH, tokens->service, NULL);
	json_t *before = login != NULL ? secret_attributes(login) : NULL;
	const char *id =
		tokens->id != NULL ? tokens->id : json_string_value(json_object_get(before, "id"));
	json_t *now = json_pack("{sI ss*}", "expires", (json_int_t)tokens->expires_s, "id", id);

	json_decref(before);
	return now;
}

int secret_tokens_enter(struct secret_store *store, const struct secret_tokens *tokens,
			struct err *err)
{
	json_t *attributes = attributes_of(store, tokens), *none = json_object();
	int r = enter_token(store, tokens->service, "", tokens->access, attributes, err);

	if (r == 0)
		r = enter_token(store, tokens->service, refresh_suffix, tokens->refresh, none, err);
	json_decref(attributes);
	json_decref(none);
	return r;
}

const struct vault_entry *secret_refresh_token(const struct secret_store *store,
					       const struct service *service)
{
	char name[SERVICE_NAME_MAX + sizeof(refresh_suffix)];

	(void)snprintf(name, sizeof(name), "%s%s", service->name, refresh_suffix);
	return vault_find(store->vault, VAULT_OAUTH, name, NULL);
}

static void pending_finish(struct secret_pending *pending)
{
	free(pending->service);
	sodium_free(pending->access);
	sodium_free(pending->refresh);
	free(pending->id);
	*pending = (struct secret_pending){ .service = NULL };
}

static void enter_pending(struct secret_store *store, struct secret_pending *pending)
{
	struct err err = ERR_INIT;
	int r = secret_vault(store, &err);

	if (r == 0)
		r = secret_tokens_enter(store,
					&(struct secret_tokens){ pending->service, pending->access,
								 pending->refresh, pending->id,
								 pending->expires_s },
					&err);
	if (r < 0)
		log_error("the login to %s could not be kept: %s", pending->service, err.text);
	else
		log_info("a login to %s is kept in the vault", pending->service);
	pending_finish(pending);
	store->generation++;
	store->must_tell = true;
}

/* Lock held; how long there is nothing to do. */
static uint64_t work(struct secret_store *store)
{
	struct err err = ERR_INIT;
	uint64_t due;
	int r;

	while (store->pending_count > 0)
		enter_pending(store, &store->pending[--store->pending_count]);
	r = secret_values_refresh(store, NULL, false, &err);
	if (r < 0)
		log_warning("%s", err.text);
	store->must_tell |= r > 0;
	r = secret_logins_renew(store, &err);
	if (r < 0)
		log_warning("%s", err.text);
	store->must_tell |= r > 0;
	if (store->must_tell) {
		store->must_tell = false;
		(void)pthread_mutex_unlock(&store->lock);
		(void)secret_tell(store, NULL);
		(void)pthread_mutex_lock(&store->lock);
	}
	due = secret_values_due_ms(store);
	due = due == UINT64_MAX ? WORKER_WAIT_MS : (uint64_t)clock_left_ms(due);
	due = min_of(due, secret_logins_wait_ms(store));
	return r < 0 ? min_of(due, (uint64_t)RETRY_MS) : due;
}

static bool has_work(const struct secret_store *store)
{
	return store->is_ending || store->must_tell || store->pending_count > 0;
}

static void *worker(void *context)
{
	struct secret_store *store = context;

	(void)pthread_mutex_lock(&store->lock);
	while (!store->is_ending) {
		uint64_t wait_ms = work(store);
		struct timespec until;

		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += (time_t)(wait_ms / 1000) + 1;
		if (!has_work(store))
			(void)pthread_cond_timedwait(&store->wake, &store->lock, &until);
	}
	(void)pthread_mutex_unlock(&store->lock);
	return NULL;
}

static int init_locks(struct secret_store *store)
{
	pthread_condattr_t attributes;
	int r = pthread_mutex_init(&store->lock, NULL);

	if (r == 0)
		r = pthread_condattr_init(&attributes);
	if (r != 0)
		return -r;
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	r = pthread_cond_init(&store->wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	return -r;
}

int secret_store_create(const char *folder, const char *services, struct secret_store **ret,
			struct err *err)
{
	struct secret_store *store = calloc(1, sizeof(*store));
	int r;

	if (store == NULL || sodium_init() < 0 || init_locks(store) < 0) {
		free(store);
		return err_set(err, -ENOMEM, "out of memory");
	}
	store->generation = 1;
	store->folder = strdup(folder);
	r = store->folder != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
	if (r == 0 && services != NULL)
		r = services_load(services, &store->services, err);
	if (r == 0 && pthread_create(&store->worker, NULL, worker, store) != 0)
		r = err_set(err, -EAGAIN, "cannot start a thread");
	store->has_worker = r == 0;
	if (r < 0)
		secret_store_destroy(store);
	else
		*ret = store;
	return r;
}

void secret_store_destroy(struct secret_store *store)
{
	if (store == NULL)
		return;
	(void)pthread_mutex_lock(&store->lock);
	store->is_ending = true;
	(void)pthread_cond_signal(&store->wake);
	(void)pthread_mutex_unlock(&store->lock);
	if (store->has_worker)
		(void)pthread_join(store->worker, NULL);
	while (store->pending_count > 0)
		pending_finish(&store->pending[--store->pending_count]);
	secret_values_finish(store);
	secret_kits_finish(store);
	vault_close(store->vault);
	services_finish(&store->services);
	free(store->folder);
	(void)pthread_cond_destroy(&store->wake);
	(void)pthread_mutex_destroy(&store->lock);
	free(store);
}

int secret_store_reset(struct secret_store *store, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&store->lock);
	while (store->pending_count > 0)
		pending_finish(&store->pending[--store->pending_count]);
	secret_values_finish(store);
	vault_close(store->vault);
	store->vault = NULL;
	r = vault_delete(store->folder, err);
	store->generation++;
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

void secret_store_set_hooks(struct secret_store *store, const struct secret_hooks *hooks)
{
	store->hooks = *hooks;
}

uint64_t secret_store_generation(struct secret_store *store)
{
	uint64_t generation;

	(void)pthread_mutex_lock(&store->lock);
	generation = store->generation;
	(void)pthread_mutex_unlock(&store->lock);
	return generation;
}

int secret_store_prepare(struct secret_store *store, const char *sandbox, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = secret_vault(store, err);
	if (r == 0)
		r = secret_values_refresh(store, sandbox, true, err);
	if (r >= 0)
		r = secret_logins_renew(store, err);
	(void)pthread_mutex_unlock(&store->lock);
	return r < 0 ? r : 0;
}

static char *copy_locked(const char *text)
{
	char *copied = text != NULL ? sodium_malloc(strlen(text) + 1) : NULL;

	if (copied != NULL)
		memcpy(copied, text, strlen(text) + 1);
	return copied;
}

/* The worker enters them: what the caller waits for may be what it would have to wait for. */
static void keep_tokens(struct secret_store *store, const struct proxy_message *message)
{
	struct secret_pending pending = { .service = strdup(message->name),
					  .access = copy_locked(message->access),
					  .refresh = copy_locked(message->refresh),
					  .id = message->text != NULL ? strdup(message->text)
								      : NULL,
					  .expires_s = message->expires };

	(void)pthread_mutex_lock(&store->lock);
	if (pending.service != NULL && store->pending_count < SECRET_PENDING_MAX) {
		store->pending[store->pending_count++] = pending;
		(void)pthread_cond_signal(&store->wake);
	} else {
		pending_finish(&pending);
	}
	(void)pthread_mutex_unlock(&store->lock);
}

/* A service that this sandbox may log in to: one of ours, or of its kit. */
static bool is_service_of(struct secret_store *store, const char *sandbox, const char *name)
{
	const struct secret_kit *kit;
	bool is;

	(void)pthread_mutex_lock(&store->lock);
	kit = secret_kit_find(store, sandbox);
	is = services_find(&store->services, name) != NULL ||
	     (kit != NULL && services_find(&kit->services, name) != NULL);
	(void)pthread_mutex_unlock(&store->lock);
	return is;
}

static const char *target_of(const struct proxy_message *message)
{
	return message->targets != NULL ? message->targets[0] : NULL;
}

void secret_store_event(struct secret_store *store, const char *sandbox,
			const struct proxy_message *message)
{
	const char *what = NULL;

	if (message->name == NULL)
		return;
	if (message->type == PROXY_SECRET_USED)
		what = "used";
	else if (message->type == PROXY_ALARM)
		what = "alarm";
	else if (message->type == PROXY_TOKENS)
		what = "login";
	if (what == NULL)
		return;
	if (message->type == PROXY_ALARM)
		log_warning("sandbox '%s': secret '%s', %s: %s", sandbox, message->name,
			    target_of(message) != NULL ? target_of(message) : "",
			    message->text != NULL ? message->text : "");
	if (message->type == PROXY_TOKENS && is_service_of(store, sandbox, message->name))
		keep_tokens(store, message);
	secret_audit(store, sandbox,
		     json_pack("{ss ss ss* ss*}", "action", what, "name", message->name, "host",
			       target_of(message), "text", message->text));
}
