/*
 * The user's word on a plan (sbx/environment_plan.h). What was answered at a terminal is
 * kept: the plan's digest, in environments.json of the configuration folder, by the
 * files' paths. So only a plan that changed is asked about again, but for one that runs
 * commands on this machine: what they do may have changed although their text has not,
 * by the sandbox's own hand. The setting env.rememberHostCommands has them remembered, too.
 */
#ifndef SBX_ENVIRONMENT_APPROVAL_H
#define SBX_ENVIRONMENT_APPROVAL_H

#include <jansson.h>
#include <stdbool.h>

struct environment;
struct err;

/*
 * Shows the plan and asks, unless it was agreed to before or yes is set, which is for this time
 * only. -ECANCELED, -ENOTTY.
 */
int environment_approve(const struct environment *environment, const json_t *plan, bool yes,
			struct err *err);

/* Whether nothing would be asked. */
bool environment_is_approved(const struct environment *environment, const json_t *plan);

/* Forgets the word for this environment. */
void environment_forget(const struct environment *environment);

#endif
