/*
 * Where the commits of a sandbox are looked at: two bare repositories of our own in
 * COMMON/sbx/work-XXXXXX, gone afterwards.
 *
 * No git ever runs in the sandbox's copy, whose every file is the sandbox's. The
 * first repository, `source`, borrows the objects of the copy and has one
 * reference, which we read (git/refs.h). The second, `own`, borrows only those of
 * the user's repository and fetches from the first: what arrives is hashed and
 * checked by git index-pack and fsck, so an object with a false name, a tree that
 * holds `.git`, or a cunning .gitmodules ends there. Both have our configuration, so
 * no driver that the branch's .gitattributes could choose. Diffs and merges are
 * computed in `own`; the user's repository fetches from it.
 */
#ifndef GIT_QUARANTINE_H
#define GIT_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>

#include "git/command.h"
#include "git/repository.h"

struct branch;
struct buf;
struct err;

struct quarantine {
	const struct repository *repository; /* weak, as is branch */
	const struct branch *branch;
	char *folder, *source, *own; /* owned paths */
	char *index;		     /* of the copy's files, in `own`; owned */
	char tip[GIT_OID_MAX + 1];   /* what the branch names */
	int lock;		     /* owned: held while it is in use */
	const char *since;	     /* compare with this commit; NULL: with what both have */
};

/* Makes it, with `source` ready. *ret must be finished, which removes it. */
int quarantine_open(const struct repository *repository, const struct branch *branch,
		    struct quarantine *ret, struct err *err);
void quarantine_finish(struct quarantine *quarantine);

/* Brings the commits into `own`, as refs/heads/tip; the user's HEAD is refs/heads/ours. */
int quarantine_bring(struct quarantine *quarantine, struct err *err);

/* A call in `own`, after quarantine_bring(). */
struct git_call quarantine_call(const struct quarantine *quarantine);

/* The same with the copy's files as its work tree and an index of our own. */
struct git_call quarantine_files(const struct quarantine *quarantine);

/*
 * How many commits the copy's branches, stash and HEAD have that no reference of the
 * user's repository has; `source` is enough. all: not the branch alone.
 */
int quarantine_count(const struct quarantine *quarantine, bool all, size_t *ret, struct err *err);

/*
 * The paths of the copy's files that differ from the branch's commit, each ended by NUL, as
 * `git status --porcelain -z` has them. Needs quarantine_bring().
 */
int quarantine_status(const struct quarantine *quarantine, struct buf *ret, struct err *err);

#endif
