/*
 * The presets that come with sbx (share/policies), read once.
 */
#ifndef SBXD_POLICY_PRESETS_H
#define SBXD_POLICY_PRESETS_H

#include "base/err.h"
#include "policy/preset.h"

enum { POLICY_PRESETS = 3 };

struct policy_preset {
	const char *name; /* "open"; a literal */
	struct preset preset;
	struct err damage; /* code 0: it was read */
};

struct policy_presets {
	struct policy_preset items[POLICY_PRESETS];
};

/* folder NULL, or a file that cannot be read: told when that preset is asked for. */
void presets_load(struct policy_presets *presets, const char *folder);
void presets_finish(struct policy_presets *presets);

/* By its name or an older one ("allow-all", "deny-all"). -EINVAL and a sentence that lists them. */
int presets_find(const struct policy_presets *presets, const char *name,
		 const struct policy_preset **ret, struct err *err);

#endif
