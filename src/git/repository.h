/*
 * A repository of the user, as git finds it from a folder: an ordinary one, a
 * linked worktree, or a submodule. What this project cannot work with is
 * refused in one sentence.
 */
#ifndef GIT_REPOSITORY_H
#define GIT_REPOSITORY_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct git_call;
struct git_settings;

enum {
	GIT_OID_MAX = 64, /* hexadecimal digits: SHA-256 */
	GIT_BORROWED_MAX = 8,
};

struct repository {
	char *top;     /* the work tree; absolute, without symbolic links; owned, as all */
	char *git_dir; /* of this work tree */
	char *common;  /* what all its work trees share */
	char *objects;
	char *borrowed[GIT_BORROWED_MAX]; /* object stores that it reads from besides its own */
	size_t borrowed_count;
	char *format;	       /* "sha1" or "sha256" */
	char *head;	       /* the commit of HEAD, hexadecimal; NULL: none yet */
	char *branch;	       /* what HEAD is on, "main"; NULL: on no branch */
	const char *operation; /* "merge", "rebase", ... that is under way; NULL: none; weak */
	bool is_linked;	       /* a worktree made with `git worktree add` */
	bool is_shallow, has_submodules, has_large_files;
};

/*
 * The repository that folder (any path) is in. -ENOENT when there is none,
 * -EOPNOTSUPP for a bare or a partial one.
 */
int repository_open(const char *folder, struct repository *ret, struct err *err);
void repository_finish(struct repository *repository);

/* -EBUSY when an operation is under way, -ENODATA when there is no commit yet. */
int repository_check_settled(const struct repository *repository, struct err *err);

/* How many files of the checkout differ from its commit, new ones not counted. */
int repository_count_changed(const struct repository *repository, size_t *ret, struct err *err);

/* The commit that a user's words name, "main~3"; owned by the caller. -EINVAL. */
int repository_resolve(const struct repository *repository, const char *words, char **ret,
		       struct err *err);

/* As whom the user commits there, both owned by the caller; -EIO when git does not know. */
int repository_identity(const struct repository *repository, char **ret_name, char **ret_address,
			struct err *err);

/* A call in its work tree, with the user's configuration. */
struct git_call repository_call(const struct repository *repository);

/*
 * Settings under which no filter of the user's configuration runs: what a branch
 * has in its .gitattributes chooses among them.
 */
int repository_filters_off(const struct repository *repository, struct git_settings *ret,
			   struct err *err);

/* True when text is a whole object name of 40 or 64 hexadecimal digits. */
bool git_is_oid(const char *text);

#endif
