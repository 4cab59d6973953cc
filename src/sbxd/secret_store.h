/*
 * The secrets of the user, as sbxd sees them: the vault, opened when it is
 * first asked for; which of them are in effect for a sandbox; and what its
 * processes and its guest are told. Values that come from a command or a
 * reference are asked for as the user, and kept in locked memory only.
 *
 * Thread-safe. Nothing here waits for a command but secret_store_prepare(),
 * secret_store_set() and secret_store_finish_login(). The guest is told sentinels, sbx-proxy alone
 * values.
 */
#ifndef SBXD_SECRET_STORE_H
#define SBXD_SECRET_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct proxy_message;
struct secret_store;
struct string_list;

/* Who hears of it. Called from any thread, without a lock held. */
struct secret_hooks {
	void *context; /* weak */
	/*
	 * Something in effect for `sandbox` (NULL: for all) changed: push the
	 * credentials and NET_INSPECT anew. Returns to how many running sandboxes.
	 * NULL: nobody.
	 */
	unsigned (*changed)(void *context, const char *sandbox);
	/* For the audit file, event "secret"; takes `details`. NULL: nobody. */
	void (*audit)(void *context, const char *sandbox, json_t *details);
};

/*
 * folder: where the vault is or will be. services: the folder of service files
 * (credential/service.h); a file that is wrong is -EINVAL with a sentence.
 */
int secret_store_create(const char *folder, const char *services, struct secret_store **ret,
			struct err *err);
void secret_store_destroy(struct secret_store *store); /* wipes */
void secret_store_set_hooks(struct secret_store *store, const struct secret_hooks *hooks);

/* Goes up at each change of what any sandbox may use. */
uint64_t secret_store_generation(struct secret_store *store);

/*
 * To be called by a thread that may wait, before the sandbox's proxy is told:
 * asks the sources whose value is not fresh. What cannot be had is left out
 * (requests that need it are refused by the proxy); -errno and a sentence
 * tell of the last such, as a warning.
 */
int secret_store_prepare(struct secret_store *store, const char *sandbox, struct err *err);

/*
 * Appends PROXY_CREDENTIALS_BEGIN … END (wire/proxy.h) of what is in effect for
 * this sandbox. A vault that is locked gives an empty list. Wipe `frames` when
 * it was sent: explicit_bzero(data, cap).
 */
int secret_store_append(struct secret_store *store, const char *sandbox, struct buf *frames);

/* Host patterns with a credential for this sandbox, for NET_INSPECT. */
int secret_store_targets(struct secret_store *store, const char *sandbox, struct string_list *ret);

/*
 * NAME=VALUE for every process of the guest: sentinels and SBX_CRED_<SERVICE>_MODE. At each start;
 * what the user gave with --env comes after it.
 */
int secret_store_environment(struct secret_store *store, const char *sandbox,
			     struct string_list *ret);

/* The placeholders of custom secrets, to be put in the record of a sandbox that is created now. */
int secret_store_custom_environment(struct secret_store *store, const char *sandbox,
				    struct string_list *ret);

/* Files for the guest's agent user: `path` below its home, `text` with sentinels only, mode 0600.
 */
struct secret_file {
	char *path, *text; /* owned */
};
enum { SECRET_FILES_MAX = 16 };
/* Those of OAuth services that are logged in; finish each. Returns how many, or -errno. */
int secret_store_files(struct secret_store *store, const char *sandbox,
		       struct secret_file ret[SECRET_FILES_MAX]);
void secret_file_finish(struct secret_file *file);

/*
 * What the kit of a sandbox declares: the list `credentials` of docs/api.md. A service that no
 * service file tells of is made of its inject rules, and `secret set` takes its name from now on.
 */
int secret_store_set_kit(struct secret_store *store, const char *sandbox, const json_t *credentials,
			 struct err *err);
void secret_store_forget_kit(struct secret_store *store, const char *sandbox);

/* PROXY_SECRET_USED, PROXY_ALARM and PROXY_TOKENS of this sandbox's proxy; others are ignored. */
void secret_store_event(struct secret_store *store, const char *sandbox,
			const struct proxy_message *message);

/* Removes the vault with all that is in it, locked or not. */
int secret_store_reset(struct secret_store *store, struct err *err);

/* The sandbox is removed: so are its own secrets. store NULL: nothing to forget. */
void secret_store_forget_sandbox(struct secret_store *store, const char *sandbox);

/*
 * The login of this host to a registry: user and password, owned; wipe the latter. -ENOENT: none
 * is known, or the vault is locked.
 */
int secret_store_registry(struct secret_store *store, const char *host, char **ret_username,
			  char **ret_password);

/* What to enter. All weak; one of value, command and ref is set. NULL scope: global. */
struct secret_wish {
	int kind; /* enum vault_kind but OAUTH */
	const char *name, *scope;
	const char *value, *command, *ref;
	int64_t refresh_s; /* of a source; 0: on demand, -1: the kind's default */
	bool force;	   /* replace what is there */
	bool no_verify;	   /* do not ask the source now */
	bool snapshot;	   /* ask the source now, and keep what it gives in its place */
	bool show_error;
	const char *placeholder;   /* CUSTOM; NULL: one is made; "{rand}" in it is filled in */
	const json_t *targets;	   /* CUSTOM: host patterns */
	const char *username;	   /* REGISTRY */
	const char *auth_endpoint; /* REGISTRY: https URL; NULL: the usual one */
	bool all_sandboxes;	   /* REGISTRY: logins of every sandbox, else of this host only */
};

/*
 * Enters a secret. *ret: {"scope","type","name","applied",…}. -EINVAL, -EEXIST, -ENOKEY (the
 * vault is locked), or what the source said.
 */
int secret_store_set(struct secret_store *store, const struct secret_wish *wish, json_t **ret,
		     struct err *err);

/*
 * A login of the user's, by a browser: *ret is {"url" to visit, "redirect" where the browser
 * brings state and code, "state"}. -ENOENT: no such service; -EINVAL: not from this host.
 */
int secret_store_begin_login(struct secret_store *store, const char *name, json_t **ret,
			     struct err *err);

/* Ends it: the tokens are fetched and kept. *ret: {"name","applied"}. Waits for the server. */
int secret_store_finish_login(struct secret_store *store, const char *state, const char *code,
			      json_t **ret, struct err *err);

/* What to remove; NULL and 0 match all. */
struct secret_selector {
	int kind;
	const char *name, *scope, *placeholder, *host;
	bool any_scope; /* else those of `scope` only, global when it is NULL */
};

/* *ret: {"removed":[{"scope","type","name"}],"applied"}; nothing matched: -ENOENT. */
int secret_store_remove(struct secret_store *store, const struct secret_selector *selector,
			json_t **ret, struct err *err);

/* All there are, masked: {"protection","locked","secrets":[…],"custom_secrets":[…]}. */
json_t *secret_store_list(struct secret_store *store);

/* The names of secrets in effect for a sandbox, each once; none when the vault is locked. */
json_t *secret_store_names(struct secret_store *store, const char *sandbox);

/* Whether the vault opens: -ENOENT, there is none yet; else as of vault_open(), with a sentence. */
int secret_store_check(struct secret_store *store, struct err *err);

/* {"services":[{"name","env":[…],"oauth"}]} */
json_t *secret_store_services(struct secret_store *store);

/* Opens a locked vault for as long as this daemon runs. */
int secret_store_unlock(struct secret_store *store, const char *passphrase, struct err *err);

/* Puts the vault under a passphrase; NULL: under none. */
int secret_store_rekey(struct secret_store *store, const char *passphrase, struct err *err);

#endif
