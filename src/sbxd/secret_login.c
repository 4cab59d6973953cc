/*
 * Logins that this host makes and renews itself (credential/authorize.h). The
 * user's browser brings a code, the token URL gives tokens for it, and they
 * are kept as those that sbx-proxy saw. A token is renewed before its end, by
 * the worker and before a sandbox starts; guests hold words that never end.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "app/log.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "credential/credential.h"
#include "sbxd/secret_state.h"
#include "sbxd/token_request.h"

enum {
	ATTEMPT_MS = 15 * 60 * 1000, /* a person logs in somewhere */
	EARLY_S = 5 * 60,	     /* before its end a token is renewed */
	UNKNOWN_S = 8 * 3600,	     /* after this when its end was not told */
	RETRY_S = 60,		     /* when nobody answered, */
	REFUSED_S = 3600,	     /* when we were refused */
};

static void body_init(struct buf *body)
{
	buf_init(body, OAUTH_BODY_MAX);
	(void)buf_reserve(body, OAUTH_BODY_MAX); /* it does not move when it grows */
}

static void body_finish(struct buf *body)
{
	if (body->data != NULL)
		sodium_memzero(body->data, body->cap);
	buf_finish(body);
}

/* What the token URL says to the body. No lock held. */
static int trade(const struct service *service, const struct buf *body, struct oauth_tokens *ret,
		 struct err *err)
{
	const struct credential shape = { .sentinel = service->access_sentinel,
					  .refresh_sentinel = service->refresh_sentinel };
	const struct token_request request = { .url = service->token_url,
					       .type = authorize_content_type(service),
					       .body = body };
	autocall(body_finish) struct buf answer;
	struct oauth_tokens tokens = { .access = NULL };
	int r;

	body_init(&answer);
	r = token_request_send(&request, &answer, err);
	if (r < 0)
		return r;
	if (r >= 400 && r < 500)
		return err_set(err, -EKEYREJECTED, "%s refused it (status %d)", service->token_url,
			       r);
	if (r != 200)
		return err_set(err, -EIO, "%s answered with status %d", service->token_url, r);
	if (oauth_take_reply(&shape, &answer, &tokens) < 0 || tokens.access == NULL) {
		oauth_tokens_finish(&tokens);
		return err_set(err, -EPROTO, "%s gave no token", service->token_url);
	}
	*ret = tokens;
	return 0;
}

/* Lock held. */
static int keep(struct secret_store *store, const struct service *service,
		const struct oauth_tokens *tokens, struct err *err)
{
	const struct secret_tokens kept = {
		.service = service->name,
		.access = tokens->access,
		.refresh = tokens->refresh,
		.id = tokens->id,
		.expires_s =
			tokens->expires_in_s == 0 ? 0 : (uint64_t)time(NULL) + tokens->expires_in_s,
	};
	int r = secret_tokens_enter(store, &kept, err);

	store->login_retry_s[service - store->services.items] = 0;
	store->generation++;
	return r;
}

static struct secret_attempt *oldest(struct secret_store *store)
{
	struct secret_attempt *found = &store->attempts[0];

	for (size_t i = 1; i < countof(store->attempts); i++)
		if (store->attempts[i].until_ms < found->until_ms)
			found = &store->attempts[i];
	return found;
}

int secret_store_begin_login(struct secret_store *store, const char *name, json_t **ret,
			     struct err *err)
{
	const struct service *service = services_find(&store->services, name);
	struct secret_attempt *attempt;
	autofree char *url = NULL;

	if (service == NULL)
		return err_set(err, -ENOENT, "no service is called '%.80s'", name);
	if (service->login_url == NULL)
		return err_set(
			err, -EINVAL,
			service->token_url == NULL
				? "%s has no OAuth login; store a key with: sbx secret set %s"
				: "log in to %s inside a sandbox, with the agent's own command: "
				  "the tokens stay on this machine, and later sandboxes of all "
				  "kinds use them (%s)",
			name, name);
	(void)pthread_mutex_lock(&store->lock);
	attempt = oldest(store);
	attempt->service = service;
	attempt->until_ms = clock_now_ms() + ATTEMPT_MS;
	authorize_begin(&attempt->words);
	url = authorize_url(service, &attempt->words);
	*ret = json_pack("{ss* ss ss}", "url", url, "redirect", service->login_redirect, "state",
			 attempt->words.state);
	(void)pthread_mutex_unlock(&store->lock);
	return url != NULL && *ret != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* Lock held. Each is good once. */
static bool take_attempt(struct secret_store *store, const char *state, struct secret_attempt *ret)
{
	for (size_t i = 0; i < countof(store->attempts); i++) {
		struct secret_attempt *attempt = &store->attempts[i];

		if (attempt->service == NULL || strcmp(attempt->words.state, state) != 0)
			continue;
		*ret = *attempt;
		sodium_memzero(attempt, sizeof(*attempt));
		return ret->until_ms > clock_now_ms();
	}
	return false;
}

static int trade_code(const struct secret_attempt *attempt, const char *code,
		      struct oauth_tokens *ret, struct err *err)
{
	autocall(body_finish) struct buf body;
	int r;

	body_init(&body);
	r = authorize_code_body(attempt->service, &attempt->words, code, &body);
	return r < 0 ? err_set_errno(err, r, "the code cannot be sent")
		     : trade(attempt->service, &body, ret, err);
}

int secret_store_finish_login(struct secret_store *store, const char *state, const char *code,
			      json_t **ret, struct err *err)
{
	struct secret_attempt attempt;
	struct oauth_tokens tokens;
	bool is_known;
	int r;

	(void)pthread_mutex_lock(&store->lock);
	is_known = take_attempt(store, state, &attempt);
	(void)pthread_mutex_unlock(&store->lock);
	if (!is_known)
		return err_set(err, -ENOENT, "no such login was begun, or it took too long");
	r = trade_code(&attempt, code, &tokens, err);
	sodium_memzero(&attempt.words, sizeof(attempt.words));
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&store->lock);
	r = secret_vault(store, err);
	if (r == 0)
		r = keep(store, attempt.service, &tokens, err);
	(void)pthread_mutex_unlock(&store->lock);
	oauth_tokens_finish(&tokens);
	if (r < 0)
		return r;
	secret_audit(store, NULL,
		     json_pack("{ss ss}", "action", "login", "name", attempt.service->name));
	*ret = json_pack("{ss si}", "name", attempt.service->name, "applied",
			 (int)secret_tell(store, NULL));
	return *ret != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* Lock held, vault open: when the login of that service is to be renewed; UINT64_MAX: never. */
static uint64_t due_s(const struct secret_store *store, size_t index)
{
	const struct service *service = &store->services.items[index];
	const struct vault_entry *login =
		vault_find(store->vault, VAULT_OAUTH, service->name, NULL);
	uint64_t expires_s;
	json_t *attributes;

	if (service->oauth_client == NULL || login == NULL ||
	    secret_refresh_token(store, service) == NULL)
		return UINT64_MAX;
	attributes = secret_attributes(login);
	expires_s = (uint64_t)json_integer_value(json_object_get(attributes, "expires"));
	json_decref(attributes);
	if (expires_s == 0)
		expires_s = (uint64_t)login->changed_at + UNKNOWN_S;
	else
		expires_s -= min_of(expires_s, (uint64_t)EARLY_S);
	return expires_s > store->login_retry_s[index] ? expires_s : store->login_retry_s[index];
}

/* Lock held, let go while it waits. */
static int renew(struct secret_store *store, size_t index, struct err *err)
{
	const struct service *service = &store->services.items[index];
	autocall(body_finish) struct buf body;
	struct oauth_tokens tokens;
	int r;

	body_init(&body);
	r = authorize_refresh_body(service, secret_refresh_token(store, service)->value, &body);
	/* Nobody else begins the same meanwhile. */
	store->login_retry_s[index] = (uint64_t)time(NULL) + RETRY_S;
	(void)pthread_mutex_unlock(&store->lock);
	r = r < 0 ? err_set_errno(err, r, "the request cannot be written")
		  : trade(service, &body, &tokens, err);
	(void)pthread_mutex_lock(&store->lock);
	if (r == -EKEYREJECTED)
		store->login_retry_s[index] = (uint64_t)time(NULL) + REFUSED_S;
	if (r < 0)
		return err_wrap(err, "the login to %s could not be renewed", service->name);
	r = store->vault != NULL ? keep(store, service, &tokens, err) : -ENOKEY;
	oauth_tokens_finish(&tokens);
	return r;
}

int secret_logins_renew(struct secret_store *store, struct err *err)
{
	bool is_changed = false;
	int failure = 0;

	for (size_t i = 0; store->vault != NULL && i < store->services.count; i++) {
		int r;

		if (due_s(store, i) > (uint64_t)time(NULL))
			continue;
		r = renew(store, i, err);
		if (r < 0)
			failure = r;
		else
			is_changed = true;
	}
	return failure < 0 ? failure : is_changed;
}

uint64_t secret_logins_wait_ms(const struct secret_store *store)
{
	uint64_t first = UINT64_MAX, now = (uint64_t)time(NULL);

	for (size_t i = 0; store->vault != NULL && i < store->services.count; i++)
		first = min_of(first, due_s(store, i));
	return first == UINT64_MAX ? UINT64_MAX : first <= now ? 0 : (first - now) * 1000;
}
