/*
 * What the user decided about the network: the preset, global rules, and for
 * each sandbox a policy of its own and rules of its own. Kept in STATE/policy,
 * one file each (policy_scope.h), written whole; every change is on disk before
 * it is in force.
 *
 *	STATE/policy/global.json
 *	STATE/policy/sandboxes/NAME.json
 *
 * In force for a sandbox are, in this order: the rules of its own preset or
 * policy file, else of the global preset; global rules; its own rules; the
 * rules of its kit. Without any preset only rules that the user added count
 * (a ceiling, as of locked-down).
 *
 * Thread-safe; no lock is held over a hook. `sandbox` is a name; NULL is global.
 */
#ifndef SBXD_POLICY_STORE_H
#define SBXD_POLICY_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"
#include "sbxd/policy_rules.h"

struct buf;
struct err;
struct policy_store;

/* Who hears of a change. Called from the thread that made it, without a lock held. */
struct policy_hooks {
	void *context; /* weak */
	/* What is in force for `sandbox` (NULL: for all) changed. Returns to how many it was told.
	 */
	unsigned (*changed)(void *context, const char *sandbox);
};

/* state: the folder of the daemon. presets: the folder of preset files, or NULL. */
int policy_store_create(const char *state, const char *presets, struct policy_store **ret,
			struct err *err);
void policy_store_destroy(struct policy_store *store);
void policy_store_set_hooks(struct policy_store *store, const struct policy_hooks *hooks);

/* Goes up at each change of anything. */
uint64_t policy_store_generation(struct policy_store *store);

/* Who is told; the frames differ in their types and tags only. */
enum policy_family { POLICY_TO_NET, POLICY_TO_PROXY };

/* Appends POLICY_BEGIN, POLICY_RULE*, POLICY_END of what is in force for a sandbox. */
int policy_store_append(struct policy_store *store, const char *sandbox, enum policy_family family,
			uint64_t generation, struct buf *frames);

/* The same as a policy, for `policy check`; without rules of any sandbox when it is NULL. */
int policy_store_compile(struct policy_store *store, const char *sandbox, struct policy **ret);

/* Whether a preset was chosen, for all or for this sandbox. */
bool policy_store_is_initialized(struct policy_store *store, const char *sandbox);

/*
 * What is in force: {"source":"sandbox"} for a policy of its own, {"source":"global"}, or
 * {"source":"none"}, with "preset" (its name) or "damage" (a sentence) where there is one.
 */
json_t *policy_store_describe(struct policy_store *store, const char *sandbox);

/*
 * A name and port (0: any) that a rule in force allows, to probe with; for "*.d" a name below d.
 * -ENOENT: there is none.
 */
int policy_store_allowed(struct policy_store *store, const char *sandbox,
			 char ret_name[POLICY_NAME_MAX + 1], uint16_t *ret_port);

/* Chooses the global preset, once: -EEXIST afterwards. */
int policy_store_init(struct policy_store *store, const char *preset, struct err *err);

/* Forgets the global preset and all rules; sandboxes keep the policy of their own. */
int policy_store_reset(struct policy_store *store, struct err *err);

/*
 * Adds a rule. *ret_rule: the stored rule, a copy; one that says the same is
 * there already when *ret_existed. *ret_told: to how many running sandboxes it was told.
 */
int policy_store_add(struct policy_store *store, const char *sandbox,
		     const struct policy_wish *wish, json_t **ret_rule, bool *ret_existed,
		     unsigned *ret_told, struct err *err);

/* Removes rules; *ret_removed: an array of them. -ENOENT when none is selected. */
int policy_store_remove(struct policy_store *store, const char *sandbox,
			const struct policy_selector *selector, json_t **ret_removed,
			unsigned *ret_told, struct err *err);

/* A preset's name, or the text of a policy file: -EINVAL and a sentence when it is none. */
int policy_store_check_own(struct policy_store *store, const char *preset, const char *file,
			   struct err *err);

/* Gives a sandbox such a policy of its own. */
int policy_store_set_own(struct policy_store *store, const char *sandbox, const char *preset,
			 const char *file, struct err *err);

/* Whether policy_store_set_kit() would take it: -EINVAL and a sentence. */
int policy_store_check_kit(const char *text, struct err *err);

/* The rules of a sandbox's kit, as text of a policy file; NULL: none. */
int policy_store_set_kit(struct policy_store *store, const char *sandbox, const char *text,
			 struct err *err);

/* A removed sandbox has no policy any more. store NULL: there is nothing to forget. */
void policy_store_forget(struct policy_store *store, const char *sandbox);

/*
 * All of it, for policy_view.h: {"generation":…,"global":SCOPE,"sandboxes":{"NAME":SCOPE},
 * "presets":{"NAME":[rule…]}}, a copy; a damaged SCOPE is {"damage":"…"}.
 */
json_t *policy_store_snapshot(struct policy_store *store);

#endif
