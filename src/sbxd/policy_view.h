/*
 * Policies as JSON for clients (docs/api.md, "Network policy"): what is stored
 * becomes rules with all that a person wants to know of them.
 */
#ifndef SBXD_POLICY_VIEW_H
#define SBXD_POLICY_VIEW_H

#include <jansson.h>

struct policy;
struct policy_question;
struct policy_verdict;

/* {"initialized","preset","rules":[…],"damage":[…]}; sandbox NULL: of all. */
json_t *policy_view_rules(const json_t *snapshot, const char *sandbox);

/* A stored rule as clients see it. */
json_t *policy_view_rule(const json_t *rule, const char *sandbox);

/* {"allowed","reason","deny_kind",…} of a decision. target: as the client wrote it. */
json_t *policy_view_verdict(const struct policy_question *question,
			    const struct policy_verdict *verdict, const char *target);

#endif
