/* What the files of the secret store share: the store from within. Nobody else includes it. */
#ifndef SBXD_SECRET_STATE_H
#define SBXD_SECRET_STATE_H

#include <pthread.h>

#include "credential/authorize.h"
#include "credential/oauth.h"
#include "credential/service.h"
#include "sbxd/secret_source.h"
#include "sbxd/secret_store.h"
#include "sbxd/string_list.h"
#include "vault/vault.h"

enum { SECRET_PENDING_MAX = 16, SECRET_ATTEMPTS_MAX = 4, SECRET_SERVICE_REFRESH_S = 55 * 60 };

/* A value that a source gave. */
struct secret_value {
	enum vault_kind kind;
	char *name, *scope; /* owned; scope NULL: global */
	char *text;	    /* owned, locked */
	size_t len;
	uint64_t asked_ms; /* of clock_now_ms() */
};

/* Tokens of a login that the worker has yet to enter. */
struct secret_pending {
	char *service;		/* owned */
	char *access, *refresh; /* owned, locked; or NULL */
	char *id;		/* owned; or NULL */
	uint64_t expires_s;	/* since 1970; 0: not known */
};

/* The same, to be entered; all weak, NULL: not given. */
struct secret_tokens {
	const char *service, *access, *refresh, *id;
	uint64_t expires_s;
};

/* A login that was begun at this host. */
struct secret_attempt {
	const struct service *service; /* weak; NULL: none */
	struct authorize_attempt words;
	uint64_t until_ms; /* of clock_now_ms() */
};

/* What the kit of a sandbox says of credentials. */
struct secret_kit {
	char *sandbox;		  /* owned */
	struct services services; /* that no service file tells of */
	struct string_list env;	  /* "NAME=SERVICE": where a sentinel is to be found too */
};

struct secret_store {
	pthread_mutex_t lock; /* of all below but what is fixed */
	pthread_cond_t wake;  /* of the worker */
	pthread_t worker;
	bool has_worker, is_ending;
	bool must_tell;		   /* the worker is to call `changed` for all */
	char *folder;		   /* owned, fixed */
	struct services services;  /* fixed */
	struct secret_hooks hooks; /* fixed once set */
	struct vault *vault;	   /* owned; NULL: not open */
	uint64_t generation;
	struct secret_value *values; /* owned */
	size_t values_count;
	struct secret_kit *kits; /* owned */
	size_t kits_count;
	struct secret_pending pending[SECRET_PENDING_MAX];
	size_t pending_count;
	struct secret_attempt attempts[SECRET_ATTEMPTS_MAX];
	uint64_t
		login_retry_s[SERVICES_MAX]; /* since 1970: not renewed before; by services.items */
};

/* secret_store.c. Lock held: opens the vault when it is not; with a sentence. */
int secret_vault(struct secret_store *store, struct err *err);
/* Without the lock: tells all who must know; how many sandboxes took it up. */
unsigned secret_tell(struct secret_store *store, const char *scope);
void secret_audit(struct secret_store *store, const char *sandbox, json_t *details);

/* secret_store.c. Lock held, vault open: puts them in. */
int secret_tokens_enter(struct secret_store *store, const struct secret_tokens *tokens,
			struct err *err);
/* Lock held, vault open; NULL: there is none. */
const struct vault_entry *secret_refresh_token(const struct secret_store *store,
					       const struct service *service);

/*
 * secret_login.c. Lock held, let go while it waits: renews what is due. 1 when one was renewed;
 * -errno and a sentence about the last that could not.
 */
int secret_logins_renew(struct secret_store *store, struct err *err);
/* How long nothing is due; UINT64_MAX: for ever. */
uint64_t secret_logins_wait_ms(const struct secret_store *store);

/* secret_values.c: what sources gave. Lock held unless said. */
const struct secret_value *secret_value_find(const struct secret_store *store,
					     const struct vault_entry *entry);
/* Takes the text over; whether it differs from the one before. */
bool secret_value_put(struct secret_store *store, enum vault_kind kind, const char *name,
		      const char *scope, char *text, size_t len);
void secret_value_forget(struct secret_store *store, enum vault_kind kind, const char *name,
			 const char *scope);
void secret_values_finish(struct secret_store *store);
/*
 * Asks the sources of `sandbox` (NULL: of all) whose value is due, and lets the lock
 * go while it waits. on_demand: those too that have no time of their own. 1 when a value changed.
 */
int secret_values_refresh(struct secret_store *store, const char *sandbox, bool on_demand,
			  struct err *err);
/* When the next one is due; UINT64_MAX: never. */
uint64_t secret_values_due_ms(const struct secret_store *store);

/* secret_kit.c. Lock held. Of this sandbox's kit; NULL: none. */
const struct secret_kit *secret_kit_find(const struct secret_store *store, const char *sandbox);
/* The service of that name of any kit; NULL: none. */
const struct service *secret_kit_service(const struct secret_store *store, const char *name);
void secret_kits_finish(struct secret_store *store);

/* secret_effect.c. Lock held, vault open: whether the entry counts for this sandbox. */
bool secret_is_effective(const struct secret_store *store, const struct vault_entry *entry,
			 const char *sandbox);
/* The value itself, or what its source gave; NULL: none. */
const char *secret_text(const struct secret_store *store, const struct vault_entry *entry);

/* secret_attributes.c: the JSON text of an entry. NULL and 0 when absent. */
json_t *secret_attributes(const struct vault_entry *entry); /* never NULL but without memory */
/* The source that it names, weak in `attributes`; false: it has none. */
bool secret_attributes_source(const json_t *attributes, struct secret_source *ret);

#endif
