/*
 * The repository that a sandbox gets in branch mode: see git/branch.h.
 */
#ifndef GIT_COPY_H
#define GIT_COPY_H

#include <stdbool.h>

struct err;
struct repository;

enum { COPY_HEADS_MAX = 200 }; /* branches besides its own that it starts with */

struct copy_plan {
	const char *folder; /* where it is made; must not exist */
	const char *name;   /* of its branch */
	const char *start;  /* the commit that the branch begins at */
};

/* Makes it, with the branch checked out. What a failure leaves is the caller's to remove. */
int copy_make(const struct repository *repository, const struct copy_plan *plan, struct err *err);

/*
 * A commit from which all is reachable that a copy made now borrows: start itself, or a
 * commit of our own with all branches as its parents. Owned by the caller.
 */
int copy_make_keep(const struct repository *repository, const char *start, char **ret,
		   struct err *err);

/*
 * A remote's URL as a sandbox may know it, in place: without a password or token. False when
 * it is of no use there: a path of this machine, or a helper's.
 */
bool copy_clean_url(char *url);

#endif
