/*
 * What the files of the policy store share: the store from within. Nobody else includes it.
 * policy_store.c keeps scopes, policy_effect.c says what is in force, policy_change.c changes it.
 */
#ifndef SBXD_POLICY_STATE_H
#define SBXD_POLICY_STATE_H

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>

#include "base/list.h"
#include "sbxd/policy_presets.h"
#include "sbxd/policy_scope.h"
#include "sbxd/policy_store.h"

struct policy_store {
	char *folder, *sandboxes_folder; /* owned */
	struct policy_presets presets;
	pthread_mutex_t lock; /* all below */
	struct policy_scope global;
	struct list sandboxes; /* of struct policy_scope */
	uint64_t generation;
	struct policy_hooks hooks;
};

/* All of these with the lock held. */

/* NULL: that sandbox has nothing of its own. sandbox NULL: the global one. */
struct policy_scope *policy_state_find(struct policy_store *store, const char *sandbox);
/* The same, made when there is none; NULL: no memory. */
struct policy_scope *policy_state_add(struct policy_store *store, const char *sandbox);
/* Frees that of a sandbox. */
void policy_state_drop(struct policy_scope *scope);
/* The file of a scope, owned by the caller; NULL: no memory. */
char *policy_state_path(const struct policy_store *store, const struct policy_scope *scope);
/* A text member of a scope; weak, NULL when it has none. */
const char *policy_state_text(const struct policy_scope *scope, const char *member);

#endif
