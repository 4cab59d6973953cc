/*
 * What an environment asks of this machine, and the user's word on it: paths that
 * are shared, ports, kits, secrets and where they come from, and commands that run
 * here. The plan is shown; its digest is kept in environments.json of the
 * configuration folder by the files' paths, so only a plan that changed is asked
 * about again.
 */
#ifndef SBX_ENVIRONMENT_PLAN_H
#define SBX_ENVIRONMENT_PLAN_H

#include <jansson.h>
#include <stdbool.h>

struct environment;
struct err;

/*
 * The lines of the plan, an array of {kind, text} owned by the caller; "host" is true in those
 * that need the user's word. Values of secrets are in it as their SHA-256. -EOPNOTSUPP for what
 * this version does not have.
 */
int environment_plan(const struct environment *environment, bool skip_commands, json_t **ret,
		     struct err *err);

void environment_plan_print(const json_t *plan);

/* Shows the plan and asks, unless it was agreed to before or yes is set. -ECANCELED, -ENOTTY. */
int environment_approve(const struct environment *environment, const json_t *plan, bool yes,
			struct err *err);

/* Whether that plan was agreed to. */
bool environment_is_approved(const struct environment *environment, const json_t *plan);

/* Forgets the word for this environment. */
void environment_forget(const struct environment *environment);

#endif
