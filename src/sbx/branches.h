/*
 * What the sub-commands of `sbx branch` share: finding the branch that is meant.
 */
#ifndef SBX_BRANCHES_H
#define SBX_BRANCHES_H

#include <jansson.h>

#include "git/registry.h"
#include "git/repository.h"

struct client;
struct err;
struct invocation;

struct branch_place {
	struct repository repository;
	struct branch branch;
	json_t *sandbox; /* owned; the one that works on it, NULL: none */
};

#define BRANCH_PLACE_INIT                    \
	{                                    \
		.repository = {.top = NULL } \
	}

/*
 * The branch of that name in the repository of the current folder, or where there is none
 * the one of the sandbox called so.
 */
int branch_place_find(struct client *client, const char *name, struct branch_place *ret,
		      struct err *err);
void branch_place_finish(struct branch_place *place);

/*
 * The same, and for a sandbox that works on the folder itself what is checked out there, as if it
 * were a branch of its own.
 */
int branch_place_of_work(struct client *client, const char *name, struct branch_place *ret,
			 struct err *err);

/* All sandboxes, an array owned by the caller; empty when no daemon runs. */
json_t *branch_sandboxes(struct client *client);

/* The one among them whose workspace is the branch's copy; weak, or NULL. */
const json_t *branch_sandbox(const json_t *sandboxes, const struct branch *branch);

#endif
