#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/loss.h"
#include "git/merge.h"
#include "git/quarantine.h"
#include "sbx/branches.h"
#include "sbx/client.h"
#include "sbx/sandbox.h"

struct merge_options {
	bool committed;
};

static const struct option rows[] = {
	{ .name = "committed",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct merge_options, committed),
	  .help = "take its commits although it has files that are not committed" },
	{ .name = NULL },
};

/* Where the files can be committed: in the sandbox, or when it is gone by coming back. */
static int refuse_files(const struct branch_place *place, size_t files, struct err *err)
{
	const char *name = place->sandbox != NULL ? sandbox_text(place->sandbox, "name") : "NAME";

	return err_set(
		err, -EBUSY,
		"%zu file%s of branch '%s' %s not committed; commit in the sandbox: sbx exec "
		"%s git commit -a, or leave them out: --committed",
		files, files == 1 ? "" : "s", place->branch.name, files == 1 ? "is" : "are", name);
}

static int check_files(const struct branch_place *place, const struct quarantine *quarantine,
		       const struct merge_options *options, struct err *err)
{
	size_t files = 0;
	int r;

	if (options->committed)
		return 0;
	r = loss_count_files(quarantine, &files, err);
	return r < 0 ? r : files > 0 ? refuse_files(place, files, err) : 0;
}

static void print_outcome(const struct branch_place *place, enum merge_outcome outcome)
{
	static const char *const texts[] = {
		[MERGE_NOTHING] = "Nothing to merge: you have all commits of ",
		[MERGE_FORWARD] = "Merged (fast-forward): ",
		[MERGE_COMMITTED] = "Merged: ",
	};

	(void)fputs(texts[outcome], stdout);
	(void)terminal_print_safe(stdout, place->branch.name);
	(void)putchar('\n');
	if (outcome != MERGE_NOTHING && place->repository.has_large_files)
		(void)fputs(
			"NOTE: files of Git LFS that it changed are pointers now; run: git lfs "
			"pull\n",
			stderr);
}

static int merge(const struct branch_place *place, const struct quarantine *quarantine,
		 const struct merge_options *options, struct err *err)
{
	enum merge_outcome outcome;
	int r = check_files(place, quarantine, options, err);

	if (r == 0)
		r = merge_into_head(quarantine, &outcome, err);
	if (r == 0)
		print_outcome(place, outcome);
	return r;
}

static int fetch(const struct branch_place *place, const struct quarantine *quarantine,
		 const struct merge_options *options, struct err *err)
{
	int r = check_files(place, quarantine, options, err);

	if (r == 0)
		r = merge_into_branch(quarantine, err);
	if (r < 0)
		return r;
	(void)fputs("Fetched into your branch ", stdout);
	(void)terminal_print_safe(stdout, place->branch.name);
	(void)putchar('\n');
	return 0;
}

static int with_quarantine(const struct invocation *invocation,
			   int (*take)(const struct branch_place *place,
				       const struct quarantine *quarantine,
				       const struct merge_options *options, struct err *err),
			   struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autocall(branch_place_finish) struct branch_place place = BRANCH_PLACE_INIT;
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = branch_place_find(&client, invocation->args[0], &place, err);
	if (r == 0)
		r = quarantine_open(&place.repository, &place.branch, &quarantine, err);
	if (r == 0)
		r = quarantine_bring(&quarantine, err);
	return r < 0 ? r : take(&place, &quarantine, invocation->values, err);
}

static int run_merge(const struct invocation *invocation, struct err *err)
{
	return with_quarantine(invocation, merge, err);
}

static int run_fetch(const struct invocation *invocation, struct err *err)
{
	return with_quarantine(invocation, fetch, err);
}

const struct command cmd_branch_merge = {
	.name = "merge",
	.summary = "Merge a branch into what you have checked out",
	.arguments = "BRANCH|SANDBOX",
	.description = "A conflict, or changes of yours that are in the way, leave all as it was.",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct merge_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_BRANCH,
	.run = run_merge,
};

const struct command cmd_branch_fetch = {
	.name = "fetch",
	.summary = "Make a branch of yours from a branch, or bring it up to date",
	.arguments = "BRANCH|SANDBOX",
	.description = "It has the same name, and can be pushed, compared or checked out like any.",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct merge_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_BRANCH,
	.run = run_fetch,
};
