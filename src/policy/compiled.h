/*
 * Inside the library: what a policy is made of.
 */
#ifndef POLICY_COMPILED_H
#define POLICY_COMPILED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/index.h"
#include "policy/policy.h"

struct policy {
	struct policy_rule *rules; /* owned */
	size_t count;
	bool locked_down;
	struct rule_index index;
	uint16_t *ports; /* owned; those of allow rules, ascending, each once */
	size_t ports_count;
};

/* Whether an allow rule counts although the policy is locked down. */
bool compiled_passes_ceiling(const struct policy_rule *rule);

/* Whether the address is one that only a rule that names it can allow. */
bool compiled_is_unsafe(const struct policy_question *question);

#endif
