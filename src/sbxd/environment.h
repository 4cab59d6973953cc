/*
 * What every command in the guest finds in its environment: who it is, how it
 * reaches the world, whom it trusts. Nothing in it is secret.
 */
#ifndef SBXD_ENVIRONMENT_H
#define SBXD_ENVIRONMENT_H

struct record;
struct string_list;

/*
 * Adds lines "K=V", of which later ones win: the template's, ours, the user's own. authority: PEM
 * of the sandbox's certificate. -ENOMEM.
 */
int environment_make(const struct record *record, const char *authority, struct string_list *ret);

/*
 * Puts lines "K=V" into a list, in place of those of the same names. -ENOMEM, and then the list is
 * as it was.
 */
int environment_merge(struct string_list *env, const struct string_list *more);

#endif
