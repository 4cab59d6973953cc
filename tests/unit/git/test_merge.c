#include "git/merge.h"

#include <errno.h>

#include "base/buf.h"
#include "git/quarantine.h"
#include "tests/unit/git/stage.h"
#include "tests/unit/test.h"

#define IN_COPY "cd .sbx/topic; "

/* A stage whose sandbox ran `work` in its copy for the branch topic. */
static bool open_with(struct stage *stage, const char *before, const char *work)
{
	return stage_open(stage, before) && stage_make(stage, "topic") == 1 &&
	       scene_run(&stage->scene, work) == 0;
}

#define WORKED(stage, before, work)               \
	autocall(stage_close) struct stage stage; \
	CHECK(open_with(&(stage), before, IN_COPY work))

static int merge(struct stage *stage, bool into_head, enum merge_outcome *ret)
{
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	int r = stage_reopen(stage);

	if (r == 0)
		r = quarantine_open(&stage->repository, &stage->branch, &quarantine, &stage->err);
	if (r == 0)
		r = quarantine_bring(&quarantine, &stage->err);
	if (r < 0)
		return r;
	return into_head ? merge_into_head(&quarantine, ret, &stage->err)
			 : merge_into_branch(&quarantine, &stage->err);
}

static int64_t count(struct stage *stage, bool all)
{
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	size_t commits = 0;
	int r = stage_reopen(stage);

	if (r == 0)
		r = quarantine_open(&stage->repository, &stage->branch, &quarantine, &stage->err);
	if (r == 0)
		r = quarantine_count(&quarantine, all, &commits, &stage->err);
	return r < 0 ? r : (int64_t)commits;
}

TEST(a_branch_goes_forward)
{
	enum merge_outcome outcome;
	WORKED(stage, "true", "echo b >b; git add b; git commit -qm b; git gc -q");
	CHECK_EQ(count(&stage, false), 1);
	CHECK_EQ(merge(&stage, true, &outcome), 0);
	CHECK_EQ(outcome, MERGE_FORWARD);
	CHECK_STR(LINE(stage, "cat b"), "b");
	CHECK_STR(LINE(stage, "git status --porcelain | wc -l"), "0");
	CHECK_EQ(RUN(stage, "git fsck --strict && git symbolic-ref HEAD | grep main"), 0);
	CHECK_EQ(count(&stage, false), 0);
	CHECK_EQ(merge(&stage, true, &outcome), 0);
	CHECK_EQ(outcome, MERGE_NOTHING);
	CHECK_STR(LINE(stage, "ls .git/sbx | grep -c work-"), "0");
}

TEST(both_sides_have_commits)
{
	enum merge_outcome outcome;
	WORKED(stage, "true", "echo b >b; git add b; git commit -qm b");
	CHECK_EQ(RUN(stage, "echo c >c; git add c; git commit -qm c"), 0);
	CHECK_EQ(merge(&stage, true, &outcome), 0);
	CHECK_EQ(outcome, MERGE_COMMITTED);
	CHECK_STR(LINE(stage, "cat b c | tr -d '\n'"), "bc");
	CHECK_STR(LINE(stage, "git log -1 --format='%s by %an, %P' | wc -w"), "10");
	CHECK_STR(LINE(stage, "git status --porcelain | wc -l"), "0");
}

TEST(a_conflict_changes_nothing)
{
	enum merge_outcome outcome;
	WORKED(stage, "true", "echo b >a; git commit -qam b");
	CHECK_EQ(RUN(stage,
		     "echo c >a; git commit -qam c; echo new >n; "
		     "(git rev-parse HEAD; git for-each-ref; cksum .git/index a n) >../before"),
		 0);
	CHECK_EQ(merge(&stage, true, &outcome), -EEXIST);
	CHECK(strstr(stage.err.text, "conflicts with your commits in: a;") != NULL);
	CHECK_EQ(RUN(stage,
		     "(git rev-parse HEAD; git for-each-ref; cksum .git/index a n) | "
		     "cmp - ../before"),
		 0);
}

TEST(changes_of_the_user_in_the_way)
{
	enum merge_outcome outcome;
	WORKED(stage, "true", "echo b >a; git commit -qam b");
	CHECK_EQ(RUN(stage, "echo mine >a"), 0);
	CHECK_EQ(merge(&stage, true, &outcome), -EEXIST);
	CHECK(strstr(stage.err.text, "commit or stash") != NULL);
	CHECK_STR(LINE(stage, "cat a"), "mine");
	CHECK_STR(LINE(stage, "git for-each-ref refs/sbx/merge | wc -l"), "0");
	CHECK_EQ(RUN(stage, "git checkout -q a; echo mine >other"), 0);
	CHECK_EQ(merge(&stage, true, &outcome), 0);
	CHECK_STR(LINE(stage, "cat other"), "mine");
}

TEST(in_the_middle_of_a_merge_it_is_refused)
{
	enum merge_outcome outcome;
	WORKED(stage, "true", "echo b >b; git add b; git commit -qm b");
	CHECK_EQ(RUN(stage,
		     "git checkout -q -b o && echo b >a && git commit -qam o && "
		     "git checkout -q main && echo c >a && git commit -qam m; git merge o || true"),
		 0);
	CHECK_EQ(merge(&stage, true, &outcome), -EBUSY);
	CHECK(strstr(stage.err.text, "middle of a merge") != NULL);
}

TEST(a_branch_of_the_user_is_made_and_forwarded)
{
	WORKED(stage, "true", "echo b >b; git add b; git commit -qm b");
	CHECK_EQ(merge(&stage, false, NULL), 0);
	CHECK_STR(LINE(stage, "git show topic:b"), "b");
	CHECK_EQ(RUN(stage, IN_COPY "echo c >c; git add c; git commit -qm c"), 0);
	CHECK_EQ(merge(&stage, false, NULL), 0);
	CHECK_STR(LINE(stage, "git show topic:c"), "c");
	CHECK_EQ(RUN(stage,
		     "git branch -qf topic main; git checkout -q topic; git commit -q "
		     "--allow-empty -m own; git checkout -q main"),
		 0);
	CHECK_EQ(merge(&stage, false, NULL), -EIO);
	CHECK(strstr(stage.err.text, "'topic' was not changed") != NULL);
}

/* Whatever the branch brings, nothing of it runs: neither by hook nor by driver. */
TEST(hooks_and_drivers_do_not_run)
{
	enum merge_outcome outcome;
	WORKED(stage,
	       "git config filter.f.smudge 'touch ~/ran; cat'; git config filter.f.clean 'touch "
	       "~/ran; "
	       "cat'; git config filter.f.required true; git config merge.m.driver 'touch ~/ran'; "
	       "git config --global merge.m.driver 'touch ~/ran'; git config core.fsmonitor 'touch "
	       "~/ran'; seq 9 >n; git -c core.fsmonitor= add n; git -c core.fsmonitor= commit -qm "
	       "n; "
	       "for h in post-merge post-checkout post-commit pre-merge-commit "
	       "reference-transaction "
	       "post-index-change pre-auto-gc post-rewrite; do printf '#!/bin/sh\\ntouch ~/ran\\n' "
	       ">.git/hooks/$h; chmod +x .git/hooks/$h; done; rm -f ~/ran",
	       "echo '* filter=f merge=m diff=d' >.gitattributes; sed -i s/9/nine/ n; mkdir -p "
	       "hooks; "
	       "cp ../../.git/hooks/post-merge hooks; git add .; git commit -qm evil");
	CHECK_EQ(RUN(stage,
		     "sed -i s/1/one/ n; git -c core.hooksPath=/dev/null -c core.fsmonitor= "
		     "commit -qam ours; rm -f ~/ran"),
		 0);
	CHECK_EQ(merge(&stage, true, &outcome), 0);
	CHECK_EQ(outcome, MERGE_COMMITTED);
	CHECK_EQ(RUN(stage, "test ! -e ~/ran"), 0);
	CHECK_STR(LINE(stage, "head -1 n; rm -f ~/ran"), "one");
	CHECK_STR(LINE(stage, "tail -1 n"), "nine");
}

/* A sandbox owns every file of its copy: none is believed. */
TEST(what_the_copy_is_configured_to_run_does_not_run)
{
	enum merge_outcome outcome;
	WORKED(stage, "true",
	       "echo b >b; git add b; git commit -qm b; git config core.fsmonitor 'touch ~/ran'; "
	       "git config core.hooksPath $PWD/h; mkdir h; git config uploadpack.packObjectsHook "
	       "'touch ~/ran; cat'; git config core.alternateRefsCommand 'touch ~/ran'; for h in "
	       "post-checkout reference-transaction; do printf '#!/bin/sh\\ntouch ~/ran\\n' >h/$h; "
	       "chmod +x h/$h; done; git config extensions.worktreeConfig true; "
	       "echo '[core] fsmonitor = touch ~/ran' >.git/config.worktree; rm -f ~/ran");
	CHECK_EQ(count(&stage, true), 1);
	CHECK_EQ(merge(&stage, true, &outcome), 0);
	CHECK_EQ(RUN(stage, "test ! -e ~/ran && test -e b"), 0);
}

TEST(an_object_with_a_false_name_is_refused)
{
	enum merge_outcome outcome;
	WORKED(stage, "true",
	       "echo good >b; git add b; git commit -qm b; good=$(git rev-parse :b); "
	       "evil=$(echo evil | git hash-object -w --stdin); f=.git/objects; "
	       "p() { echo $f/$(echo $1 | cut -c1-2)/$(echo $1 | cut -c3-); }; "
	       "chmod u+w $(p $good); cp -f $(p $evil) $(p $good)");
	CHECK_EQ(merge(&stage, true, &outcome), -EIO);
	CHECK(strstr(stage.err.text, "git refuses what the sandbox committed") != NULL);
	CHECK_EQ(RUN(stage, "test ! -e b && git fsck --strict"), 0);
}

TEST(a_tree_that_holds_a_git_folder_is_refused)
{
	enum merge_outcome outcome;
	WORKED(stage, "true",
	       "b=$(echo x | git hash-object -w --stdin); "
	       "t=$(printf '100644 blob %s\\tconfig\\n' $b | git mktree); "
	       "t=$(printf '040000 tree %s\\t.git\\n' $t | git mktree); "
	       "c=$(git commit-tree -p HEAD -m evil $t); git update-ref HEAD $c");
	CHECK_EQ(merge(&stage, true, &outcome), -EIO);
	CHECK(strstr(stage.err.text, "git refuses") != NULL);
}

TEST(a_branch_that_is_a_link_to_elsewhere_is_not_followed)
{
	enum merge_outcome outcome;
	WORKED(stage, "true", "rm .git/refs/heads/topic; ln -s /etc/passwd .git/refs/heads/topic");
	CHECK_EQ(merge(&stage, true, &outcome), -ENOENT);
}

TEST(commits_on_other_branches_and_the_stash_count)
{
	WORKED(stage, "true",
	       "echo b >b; git add b; git commit -qm b; git checkout -q -b side; git commit -q "
	       "--allow-empty -m s; git checkout -q topic; echo c >>b; git stash -q; "
	       "git checkout -q --detach; git commit -q --allow-empty -m d");
	CHECK_EQ(count(&stage, false), 1);
	CHECK_EQ(count(&stage, true), 5);
	CHECK_EQ(merge(&stage, false, NULL), 0);
	CHECK_EQ(count(&stage, false), 0);
}

TEST(files_that_are_not_committed_are_told)
{
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	autocall(buf_finish) struct buf status = { .max = 65536 };
	WORKED(stage, "echo '*.o' >.gitignore; git add .; git commit -qm i",
	       "echo b >>a; echo n >new; touch x.o; mkdir sub; git -C sub init -q; "
	       "git update-index --assume-unchanged a");
	CHECK_EQ(quarantine_open(&stage.repository, &stage.branch, &quarantine, &stage.err), 0);
	CHECK_EQ(quarantine_bring(&quarantine, &stage.err), 0);
	CHECK_EQ(quarantine_status(&quarantine, &status, &stage.err), 0);
	CHECK_EQ(status.len, 20);
	CHECK_MEM(status.data, " M a\0?? new\0?? sub/\0", 20);
}

TEST(a_shallow_repository_merges)
{
	enum merge_outcome outcome;
	WORKED(stage,
	       "echo b >b; git add b; git commit -qm two; git clone -q --depth 1 file://$PWD ../s; "
	       "cd ..; mv repo old; mv s repo",
	       "echo c >c; git add c; git commit -qm c");
	CHECK_EQ(merge(&stage, true, &outcome), 0);
	CHECK_STR(LINE(stage, "git log --oneline | wc -l"), "2");
	CHECK_EQ(RUN(stage, "git fsck"), 0);
}

TEST(two_branches_at_once)
{
	enum merge_outcome outcome;
	struct branch first;
	WORKED(stage, "true", "echo b >b; git add b; git commit -qm b");
	first = stage.branch;
	stage.branch = (struct branch){ .name = NULL };
	CHECK_EQ(stage_make(&stage, "other"), 1);
	CHECK_EQ(RUN(stage, "cd .sbx/other; echo o >o; git add o; git commit -qm o"), 0);
	CHECK_EQ(merge(&stage, true, &outcome), 0);
	CHECK_EQ(outcome, MERGE_FORWARD);
	branch_finish(&stage.branch);
	stage.branch = first;
	CHECK_EQ(merge(&stage, true, &outcome), 0);
	CHECK_EQ(outcome, MERGE_COMMITTED);
	CHECK_STR(LINE(stage, "cat b o | tr -d '\n'"), "bo");
}

TEST_MAIN()
