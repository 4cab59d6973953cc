/*
 * Branch mode for the commands that make and remove sandboxes: the copy of the
 * repository (git/branch.h) that a sandbox has as its workspace.
 *
 * That a sandbox works on a branch is written in its labels sbx.branch and
 * sbx.repository; all else is in the repository itself, so a copy is found
 * again when its sandbox is gone.
 */
#ifndef SBX_WORKCOPY_H
#define SBX_WORKCOPY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "git/registry.h"
#include "git/repository.h"

struct err;

#define WORKCOPY_LABEL_BRANCH "sbx.branch"
#define WORKCOPY_LABEL_REPOSITORY "sbx.repository"

struct workcopy {
	struct repository repository;
	struct branch branch;
	bool is_new;
	const char **paths; /* owned; those given, with the copy in place of the first */
	size_t paths_count;
};

#define WORKCOPY_INIT                        \
	{                                    \
		.repository = {.top = NULL } \
	}

/*
 * Makes or finds the copy for the branch of the repository that the first path is in, the
 * current folder when there is none. quiet: without notes on what it does not hold.
 */
int workcopy_begin(struct workcopy *workcopy, const char *branch, const char *const *paths,
		   size_t paths_count, bool quiet, struct err *err);
void workcopy_finish(struct workcopy *workcopy);

/* Removes what workcopy_begin() made: the sandbox was not. */
void workcopy_undo(struct workcopy *workcopy);

/* Adds the objects that the copy borrows, read-only, and the labels to the body of POST /sandbox.
 */
int workcopy_add(const struct workcopy *workcopy, json_t *body, struct err *err);

/*
 * After a sandbox was removed: removes its copy when nothing would be lost with it, else says on
 * stderr what is kept. Nothing for a sandbox without one.
 */
void workcopy_release(const json_t *sandbox);

/* The branch that the sandbox works on, "" when it works on none; weak. */
const char *workcopy_branch_of(const json_t *sandbox);

#endif
