/*
 * The network policy that a sandbox is made with: members of the body of
 * POST /sandbox.
 *
 *	"policy":{"preset":"locked-down"}	or {"file":"text of a policy file"}
 *	"deny_network":["evil.example",…]	rules of its own
 */
#ifndef SBXD_POLICY_PROVISION_H
#define SBXD_POLICY_PROVISION_H

#include <jansson.h>

struct err;
struct policy_store;

/* Whether policy_provision() would take it: -EINVAL and a sentence, before anything is made. */
int policy_provision_check(struct policy_store *store, const json_t *body, struct err *err);

/* Stores it under the sandbox's name. */
int policy_provision(struct policy_store *store, const char *sandbox, const json_t *body,
		     struct err *err);

#endif
