/*
 * What would be lost with a sandbox's copy: what it has and the user does not.
 */
#ifndef GIT_LOSS_H
#define GIT_LOSS_H

#include <stddef.h>

struct branch;
struct buf;
struct err;
struct quarantine;
struct repository;

struct loss {
	size_t commits; /* on its branches, in its stash: in no reference of the user's */
	size_t files;	/* that differ from its branch's commit */
};

/* Fails when the copy is damaged: then nobody can tell. */
int loss_find(const struct repository *repository, const struct branch *branch, struct loss *ret,
	      struct err *err);

/* Files that differ from the branch's commit; needs quarantine_bring(). */
int loss_count_files(const struct quarantine *quarantine, size_t *ret, struct err *err);

/* "3 commits and 1 changed file"; nothing when there is none. */
int loss_describe(const struct loss *loss, struct buf *ret);

#endif
