#include "git/merge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/command.h"
#include "git/quarantine.h"
#include "git/registry.h"
#include "git/repository.h"

#define RESULT "refs/heads/result"

enum { NAMES_SHOWN = 5 };

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* 1 when a is an ancestor of b or the same, 0 when not. */
static int is_ancestor(const struct quarantine *quarantine, const char *a, const char *b,
		       struct err *err)
{
	const struct git_call call = quarantine_call(quarantine);
	const char *words[] = { "merge-base", "--is-ancestor", a, b, NULL };
	int r = git_run(&call, words, NULL, err);

	return r < 0 ? r : r == 0 ? 1 : r == 1 ? 0 : err_wrap(err, "git merge-base");
}

/* "a, b, c and 4 more" of names that each end in NUL; some may come twice. */
static int list_names(const char *names, const char *end, struct buf *ret)
{
	const char *last = "";
	size_t count = 0;
	int r = 0;

	for (; r == 0 && names < end && *names != '\0'; names += strlen(names) + 1) {
		if (strcmp(names, last) == 0)
			continue;
		last = names;
		if (count++ < NAMES_SHOWN)
			r = buf_printf(ret, "%s%s", count > 1 ? ", " : "", names);
	}
	if (r == 0 && count > NAMES_SHOWN)
		r = buf_printf(ret, " and %zu more", count - NAMES_SHOWN);
	return r;
}

/* git-merge-tree(1), OUTPUT with -z: a tree, and with conflicts the names of their files. */
static int make_tree(const struct quarantine *quarantine, struct buf *ret, struct err *err)
{
	static const char *const words[] = {
		"merge-tree",	   "--write-tree",   "-z", "--name-only", "--no-messages",
		"refs/heads/ours", "refs/heads/tip", NULL
	};
	const struct git_call call = quarantine_call(quarantine);
	autocall(buf_finish) struct buf names;
	const char *text, *end;
	int r;

	buf_init(&names, 65536);
	r = git_run(&call, words, ret, err);
	if (r < 0)
		return r;
	text = buf_str(ret);
	if (text == NULL)
		return out_of_memory(err);
	end = text + ret->len;
	if (r > 1 || !git_is_oid(text))
		return err_wrap(err, "git merge-tree");
	if (r == 0)
		return 0;
	r = list_names(text + strlen(text) + 1, end, &names);
	return err_set(err, -EEXIST,
		       "'%s' conflicts with your commits in: %s; nothing was changed. Merge your "
		       "branch in the sandbox, or take it with: sbx branch fetch %s",
		       quarantine->branch->name, r == 0 ? buf_str(&names) : "many files",
		       quarantine->branch->name);
}

static int commit_tree(const struct quarantine *quarantine, const char *tree, char **ret,
		       struct err *err)
{
	static const char *const words[] = { "hash-object", "-t", "commit", "-w", "--stdin", NULL };
	static const char *const who[] = { "var", "GIT_COMMITTER_IDENT", NULL };
	const struct git_call own = repository_call(quarantine->repository);
	struct git_call call = quarantine_call(quarantine);
	autocall(buf_finish) struct buf commit;
	autofree char *identity = NULL;
	int r;

	buf_init(&commit, 65536);
	r = git_line(&own, who, &identity, err);
	if (r < 0)
		return err_set(err, r,
			       "git does not know who you are, and a merge is a commit of yours: "
			       "git config user.name NAME, and user.email ADDRESS");
	r = buf_printf(&commit,
		       "tree %s\nparent %s\nparent %s\nauthor %s\ncommitter %s\n\nMerge branch "
		       "'%s' of a sandbox\n",
		       tree, quarantine->repository->head, quarantine->tip, identity, identity,
		       quarantine->branch->name);
	if (r < 0)
		return out_of_memory(err);
	call.input = commit.data;
	call.input_len = commit.len;
	return git_line(&call, words, ret, err);
}

/* The commit that HEAD is to go forward to; owned by the caller. */
static int make_result(const struct quarantine *quarantine, enum merge_outcome *ret_outcome,
		       char **ret, struct err *err)
{
	autocall(buf_finish) struct buf tree;
	int r;

	buf_init(&tree, GIT_OUTPUT_MAX);
	*ret_outcome = MERGE_NOTHING;
	r = is_ancestor(quarantine, "refs/heads/tip", "refs/heads/ours", err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = is_ancestor(quarantine, "refs/heads/ours", "refs/heads/tip", err);
	if (r < 0)
		return r;
	if (r == 1) {
		*ret_outcome = MERGE_FORWARD;
		*ret = strdup(quarantine->tip);
		return *ret == NULL ? out_of_memory(err) : 0;
	}
	*ret_outcome = MERGE_COMMITTED;
	r = make_tree(quarantine, &tree, err);
	return r < 0 ? r : commit_tree(quarantine, (const char *)tree.data, ret, err);
}

/* From the quarantine into the user's repository: `from` becomes or forwards `to`. */
static int fetch(const struct quarantine *quarantine, const char *from, const char *to,
		 struct err *err)
{
	const struct git_call call = repository_call(quarantine->repository);
	autofree char *spec = NULL;

	if (asprintf(&spec, "%s:%s", from, to) < 0)
		return out_of_memory(err);
	const char *words[] = { "fetch",
				"--quiet",
				"--no-tags",
				"--no-write-fetch-head",
				"--no-recurse-submodules",
				quarantine->own,
				spec,
				NULL };

	return git_must(&call, words, NULL, err);
}

/* What of the user's is in the way: git lists the files, each behind a tab. */
static int refuse_forward(const struct quarantine *quarantine, const struct err *why,
			  struct err *err)
{
	if (strstr(why->text, "overwritten") != NULL)
		return err_set(err, -EEXIST,
			       "your checkout has changes that are not committed in files which "
			       "'%s' changes, too; commit or stash them and merge again",
			       quarantine->branch->name);
	return err_set(err, why->code, "%s", why->text);
}

static int go_forward(const struct quarantine *quarantine, const char *result, struct err *err)
{
	autocall(git_settings_finish) struct git_settings settings = { .count = 0 };
	const char *words[] = {
		"merge",     "--quiet", "--ff-only", "--no-autostash", "--no-verify-signatures",
		"--no-stat", result,	NULL
	};
	struct git_call call = repository_call(quarantine->repository);
	struct err why = ERR_INIT;
	int r = repository_filters_off(quarantine->repository, &settings, err);

	if (r < 0)
		return r;
	call.settings = &settings;
	r = git_must(&call, words, NULL, &why);
	return r < 0 ? refuse_forward(quarantine, &why, err) : 0;
}

static int take(const struct quarantine *quarantine, const char *result, struct err *err)
{
	const struct git_call own = quarantine_call(quarantine);
	const struct git_call call = repository_call(quarantine->repository);
	const char *mark[] = { "update-ref", RESULT, result, NULL };
	static const char *const unmark[] = { "update-ref", "-d", REGISTRY_MERGE, NULL };
	struct err ignored = ERR_INIT;
	int r = git_must(&own, mark, NULL, err);

	if (r == 0)
		r = fetch(quarantine, "+" RESULT, REGISTRY_MERGE, err);
	if (r < 0)
		return r;
	r = go_forward(quarantine, result, err);
	(void)git_must(&call, unmark, NULL, &ignored);
	return r;
}

int merge_into_head(const struct quarantine *quarantine, enum merge_outcome *ret, struct err *err)
{
	autofree char *result = NULL;
	autoclose int lock = -1;
	enum merge_outcome outcome;
	int r = repository_check_settled(quarantine->repository, err);

	if (r == 0)
		r = registry_lock(quarantine->repository, &lock, err);
	if (r == 0)
		r = make_result(quarantine, &outcome, &result, err);
	if (r == 0 && outcome != MERGE_NOTHING)
		r = take(quarantine, result, err);
	if (r == 0)
		*ret = outcome;
	return r;
}

int merge_into_branch(const struct quarantine *quarantine, struct err *err)
{
	autofree char *ref = NULL;
	int r;

	if (asprintf(&ref, "refs/heads/%s", quarantine->branch->name) < 0)
		return out_of_memory(err);
	r = fetch(quarantine, "refs/heads/tip", ref, err);
	return r < 0 ? err_wrap(err, "your branch '%s' was not changed", quarantine->branch->name)
		     : 0;
}
