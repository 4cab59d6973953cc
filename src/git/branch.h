/*
 * Branch mode: a copy of the user's repository for one sandbox, on a branch of
 * its own, in the folder `.sbx/NAME` of the work tree.
 *
 * The copy is a repository of its own and not a linked worktree, because what a
 * sandbox may write it may also destroy: with a shared `.git` it could move the
 * user's branches, rewrite the index of their checkout, and put wrong content under
 * the name of an object that they trust. Here it has its own objects, references
 * and index, and reads the objects of the user's repository through
 * objects/info/alternates, where they are mounted read-only. Nothing of the
 * user's repository changes but the registry (git/registry.h) until they merge.
 *
 * `.sbx` holds a .gitignore of "*", so that neither git nor what honours it sees
 * the copies. A copy's configuration is made here: the user's name and address,
 * and the remotes without passwords; sbx-fs keeps the sandbox from changing it.
 */
#ifndef GIT_BRANCH_H
#define GIT_BRANCH_H

#include <stdbool.h>

struct branch;
struct err;
struct repository;

/*
 * The copy for the branch NAME: the one that there is, or a new one that begins at the
 * user's branch of that name, or where there is none at their HEAD. *ret must be finished.
 * -EINVAL when no branch can be called so, -EBUSY and -ENODATA as in
 * repository_check_settled().
 */
int branch_make(const struct repository *repository, const char *name, struct branch *ret,
		bool *ret_is_new, struct err *err);

/* Removes the copy with all that is in it. */
int branch_remove(const struct repository *repository, const struct branch *branch,
		  struct err *err);

#endif
