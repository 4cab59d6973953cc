/*
 * What of a kit can be added to a sandbox that is there: a mixin of variables,
 * install steps and hosts that are allowed. The rest takes part in how a
 * sandbox is made.
 */
#ifndef KIT_ADDITION_H
#define KIT_ADDITION_H

struct err;
struct kit_bundle;
struct kit;

/* 0, or -EINVAL with a sentence that names what stands in the way. agent: of the sandbox. */
int addition_check(const struct kit_bundle *bundle, const struct kit *kit, const char *agent,
		   struct err *err);

#endif
