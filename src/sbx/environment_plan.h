/*
 * What an environment asks of this machine, in lines that a person can read: paths
 * that are shared, ports, kits, secrets and where they come from, and commands that
 * run here.
 */
#ifndef SBX_ENVIRONMENT_PLAN_H
#define SBX_ENVIRONMENT_PLAN_H

#include <jansson.h>
#include <stdbool.h>

struct environment;
struct err;

/*
 * The lines of the plan, an array of {kind, text, host, command} owned by the caller. "host" is
 * true in those that need the user's word, "command" in those that run something on this machine.
 * Values of secrets are in it as their SHA-256. -EOPNOTSUPP for what sbx does not have.
 */
int environment_plan(const struct environment *environment, bool skip_commands, json_t **ret,
		     struct err *err);

/* The same of its removal; an empty array when there is nothing to agree to but that. */
int environment_plan_removal(const struct environment *environment, bool skip_commands,
			     bool prune_bindings, json_t **ret, struct err *err);

void environment_plan_print(const json_t *plan);

#endif
