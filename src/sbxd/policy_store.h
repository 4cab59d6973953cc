/*
 * What the user decided about the network: the preset, global rules, and for
 * each sandbox a policy of its own and rules of its own. Kept in STATE/policy,
 * one file each, written whole; every change is on disk before it is in force.
 *
 *	STATE/policy/global.json
 *	STATE/policy/sandbox/NAME.json
 *
 * In force for a sandbox are, in this order: the rules of its own preset or
 * policy file, else of the global preset; global rules; its own rules; the
 * rules of its kit. Without any preset only rules that the user added count
 * (a ceiling, as of locked-down).
 *
 * Thread-safe; no lock is held over a hook.
 */
#ifndef SBXD_POLICY_STORE_H
#define SBXD_POLICY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"
#include "policy/preset.h"
#include "sbxd/name.h"

struct buf;
struct err;
struct policy_store;

enum policy_created { CREATED_DEFAULT, CREATED_ADDED, CREATED_KIT, CREATED_APPROVAL };

enum { POLICY_UUID_SIZE = 37, POLICY_TEXT_MAX = 1 << 20 };

/* What the user typed as one rule; several resources make several `policy_rule`s of one id. */
struct policy_wish {
	enum policy_decision decision;
	const char *const *resources; /* weak; at least one */
	size_t resources_count;
	unsigned protocols;	    /* enum policy_protocol bits; 0: as the reference says */
	const char *methods, *path; /* NULL: no HTTP rule; as policy_rule_set_http() */
	enum policy_created created;
};

/* Who hears of a change. Called from the thread that made it, without a lock held. */
struct policy_hooks {
	void *context; /* weak */
	/* What is in force for `sandbox` (NULL: for all) changed. Returns to how many it was told.
	 */
	unsigned (*changed)(void *context, const char *sandbox);
};

/* state: the folder of the daemon. presets: the folder of preset files. */
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

/* The same as a policy, for `policy check`; sandbox NULL: without rules of any sandbox. */
int policy_store_compile(struct policy_store *store, const char *sandbox, struct policy **ret);

#endif
