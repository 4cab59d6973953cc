/*
 * Which branches of a repository have a copy for a sandbox: the file `sbx/branches`
 * in what its work trees share of `.git`, in git's own configuration format and
 * written by git itself, and for each a reference that keeps the commits which the
 * copy borrows:
 *
 *	[branch "NAME"]
 *		folder = TOP/.sbx/NAME		the copy, with the branch checked out
 *		base = OBJECT			what it was made from
 *	refs/sbx/keep/NAME			base, and the tips of other branches
 *
 * An entry is written before its folder has its name and removed after the
 * folder has lost it, so an entry without a folder is what a killed process
 * left behind (or a user's rm -r); registry_replay() takes such things away.
 */
#ifndef GIT_REGISTRY_H
#define GIT_REGISTRY_H

#include <stddef.h>

struct err;
struct repository;

struct branch {
	char *name, *folder, *base; /* owned */
};

enum { BRANCHES_MAX = 256 };

struct branches {
	struct branch items[BRANCHES_MAX];
	size_t count;
};

/* What the folder of copies is called, and what a copy is while it is made or unmade. */
#define REGISTRY_FOLDER ".sbx"
#define REGISTRY_MAKING ".making"
#define REGISTRY_REMOVING ".removing"

/* The reference under which a merge is, until HEAD has it. */
#define REGISTRY_MERGE "refs/sbx/merge"

/* All of them, in the order in which they were made; finish it. */
int registry_list(const struct repository *repository, struct branches *ret, struct err *err);
void branches_finish(struct branches *branches);
void branch_finish(struct branch *branch);

/* One of them, to be finished; -ENOENT. */
int registry_find(const struct repository *repository, const char *name, struct branch *ret,
		  struct err *err);

/*
 * One process at a time changes branches of a repository: *ret_fd is the lock, held while it
 * is open. Waits for another one for a minute: -EBUSY. What a killed one left is gone then.
 */
int registry_lock(const struct repository *repository, int *ret_fd, struct err *err);

/* Both with the lock. keep: the commit for refs/sbx/keep/NAME. */
int registry_add(const struct repository *repository, const struct branch *branch, const char *keep,
		 struct err *err);
int registry_drop(const struct repository *repository, const char *name, struct err *err);

/* COMMON/sbx, made when it is not there; owned by the caller. */
int registry_folder(const struct repository *repository, char **ret, struct err *err);

#endif
