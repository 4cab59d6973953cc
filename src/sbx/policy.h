/*
 * What the policy commands share: the rules that the daemon tells of, the
 * choice of a preset, and the option --policy.
 */
#ifndef SBX_POLICY_H
#define SBX_POLICY_H

#include <jansson.h>
#include <stdbool.h>

#include "app/options.h"

struct client;
struct err;

/* The sub-commands of `sbx policy`, one file a family. */
extern const struct command policy_allow, policy_deny, policy_rm; /* cmd_policy_rules.c */
extern const struct command policy_ls, policy_inspect;		  /* cmd_policy_ls.c */
extern const struct command policy_check, policy_explain;	  /* cmd_policy_check.c */
extern const struct command policy_log, policy_approval;	  /* cmd_policy_log.c */

/*
 * The arguments without a leading "network": the one resource type there is may
 * be named, as in `sbx policy allow network example.com`.
 */
const char *const *policy_args(const struct invocation *invocation, size_t *ret_count);

/* "/policy/log?sandbox=NAME", escaped; owned by the caller; just the path when value is NULL. */
char *policy_url(const char *path, const char *key, const char *value);

/* The object of GET /policy, owned by the caller. sandbox NULL: of all. */
int policy_get(struct client *client, const char *sandbox, json_t **ret, struct err *err);

/*
 * Asks on the terminal which preset to take. *ret is a literal; NULL: none was chosen.
 */
int policy_ask_preset(const char **ret, struct err *err);

/* Chooses the global preset. */
int policy_choose(struct client *client, const char *preset, struct err *err);

/* The same, unless one was chosen before. */
int policy_choose_first(struct client *client, const char *preset, struct err *err);

/*
 * Before a sandbox is made without a policy of its own: lets a person at a
 * terminal choose the global preset when nobody did. *ret_chosen tells whether there is one now.
 */
int policy_ensure(struct client *client, bool quiet, bool *ret_chosen, struct err *err);

/* The one line for those whom nobody asks. */
void policy_print_notice(void);

/* Adds the members of POST /sandbox that --policy and --deny-network stand for; both may be unset.
 */
int policy_add_to_body(json_t *body, const char *policy, const struct option_list *deny,
		       struct err *err);

/* "a.example, b.example" as an array of strings; added to list. -EINVAL: an empty one. */
int policy_split(const char *text, json_t *list, struct err *err);

#endif
