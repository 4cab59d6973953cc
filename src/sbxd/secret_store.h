/*
 * The secrets of the user, as sbxd sees them: the vault, opened when it is
 * first asked for; which of them are in effect for a sandbox; and what its
 * processes and its guest are told. Values that come from a command or a
 * reference are asked for as the user, and kept in locked memory only.
 *
 * Thread-safe. Nothing here waits for a command but secret_store_prepare() and
 * secret_store_set(). The guest is told sentinels, sbx-proxy alone values.
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

/* PROXY_SECRET_USED, PROXY_ALARM and PROXY_TOKENS of this sandbox's proxy; others are ignored. */
void secret_store_event(struct secret_store *store, const char *sandbox,
			const struct proxy_message *message);

/* The sandbox is removed: so are its own secrets. */
void secret_store_forget_sandbox(struct secret_store *store, const char *sandbox);

#endif
