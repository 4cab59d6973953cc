#include "git/branch.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/command.h"
#include "git/copy.h"
#include "git/refs.h"
#include "git/registry.h"
#include "git/repository.h"
#include "git/submodules.h"
#include "tests/unit/git/stage.h"
#include "tests/unit/test.h"

TEST(a_copy_is_a_repository_on_its_branch)
{
	STAGE(stage,
	      "git remote add origin https://u:secret@h/x.git; git tag v1; git branch other");
	CHECK_EQ(stage_make(&stage, "topic/x"), 1);
	CHECK_STR(LINE(stage, "cd .sbx/topic-x; git symbolic-ref HEAD"), "refs/heads/topic/x");
	CHECK_STR(LINE(stage, "cd .sbx/topic-x; git status --porcelain | wc -l"), "0");
	CHECK_STR(LINE(stage, "cd .sbx/topic-x; cat a; git tag; git branch"), "a");
	CHECK_STR(LINE(stage, "cd .sbx/topic-x; git tag"), "v1");
	CHECK_STR(LINE(stage, "cd .sbx/topic-x; git remote get-url origin"), "https://h/x.git");
	CHECK_STR(LINE(stage, "cd .sbx/topic-x; git config user.email"), "t@t");
	CHECK_STR(LINE(stage, "cd .sbx/topic-x; git branch --list other"), "  other");
	CHECK_STR(LINE(stage, "ls .sbx/topic-x/.git/hooks 2>&1 | wc -l"), "1");
	CHECK_EQ(RUN(stage, "cd .sbx/topic-x; git fsck --strict"), 0);
}

TEST(the_users_checkout_does_not_change)
{
	char before[64];
	STAGE(stage, "echo dirty >>a; echo new >n; cksum .git/index .git/HEAD a n >../before");
	(void)snprintf(before, sizeof(before), "%s", LINE(stage, "git status --porcelain | cksum"));
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_EQ(RUN(stage, "cksum .git/index .git/HEAD a n | cmp - ../before"), 0);
	CHECK_STR(LINE(stage, "git status --porcelain | cksum"), before);
	CHECK_STR(LINE(stage, "git branch --list topic | wc -l"), "0");
	CHECK_EQ(RUN(stage, "git diff --quiet HEAD -- .sbx"), 0);
	CHECK_STR(LINE(stage, "cat .sbx/topic/a"), "a");
}

TEST(the_same_branch_again_is_the_same_copy)
{
	STAGE(stage, "true");
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_EQ(RUN(stage, "echo work >.sbx/topic/w"), 0);
	branch_finish(&stage.branch);
	CHECK_EQ(stage_make(&stage, "topic"), 0);
	CHECK_STR(LINE(stage, "cat .sbx/topic/w"), "work");
}

TEST(a_branch_that_there_is_goes_on)
{
	STAGE(stage,
	      "git checkout -q -b topic; echo b >b; git add b; git commit -qm two; "
	      "git checkout -q main");
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_STR(LINE(stage, "cat .sbx/topic/b"), "b");
}

TEST(names_that_are_no_branches_are_refused)
{
	static const char *const names[] = { "",      "-x",	"a..b", "a b",
					     "@{-1}", "x.lock", "a\nb", "HEAD" };
	STAGE(stage, "git checkout -q -b other; git checkout -q main");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		CHECK_EQ(stage_make(&stage, names[i]), -EINVAL);
}

TEST(two_branches_with_the_same_folder_name)
{
	STAGE(stage, "true");
	CHECK_EQ(stage_make(&stage, "a-b"), 1);
	branch_finish(&stage.branch);
	CHECK_EQ(stage_make(&stage, "a/b"), 1);
	CHECK_EQ(RUN(stage, "test -d .sbx/a-b-2/.git"), 0);
}

TEST(what_the_copy_borrows_survives_gc)
{
	STAGE(stage,
	      "git checkout -q -b side; echo s >s; git add s; git commit -qm side; "
	      "git checkout -q main; echo b >b; git add b; git commit -qm b");
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_EQ(RUN(stage,
		     "git branch -q -D side; git reset -q --hard HEAD~1; "
		     "git reflog expire --expire=now --all; git gc -q --prune=now"),
		 0);
	CHECK_EQ(RUN(stage,
		     "cd .sbx/topic; git fsck --strict && git log --all && git gc -q && "
		     "git show side"),
		 0);
}

TEST(a_shallow_repository)
{
	STAGE(stage,
	      "echo b >b; git add b; git commit -qm two; git clone -q --depth 1 file://$PWD "
	      "../s; cd ..; mv repo old; mv s repo");
	CHECK(stage.repository.is_shallow);
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_STR(LINE(stage, "cd .sbx/topic; git log --oneline | wc -l"), "1");
	CHECK_EQ(RUN(stage, "cd .sbx/topic; git fsck"), 0);
}

TEST(a_repository_of_sha256)
{
	STAGE(stage,
	      "rm -rf .git; git init -q -b main --object-format=sha256; git add a; "
	      "git commit -qm first");
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_EQ(strlen(stage.branch.base), 64);
	CHECK_EQ(RUN(stage, "cd .sbx/topic; git fsck"), 0);
}

TEST(hooks_templates_and_filters_of_the_user_do_not_run)
{
	STAGE(stage,
	      "mkdir -p ../t/hooks ../h; for h in post-checkout reference-transaction; do "
	      "printf '#!/bin/sh\\ntouch ~/ran\\n' | tee ../t/hooks/$h >.git/hooks/$h; chmod "
	      "+x ../t/hooks/$h .git/hooks/$h; done; git config --global init.templateDir "
	      "$HOME/t; git config --global filter.f.smudge 'touch ~/ran; cat'; "
	      "echo 'a filter=f' >.gitattributes; git add .; git commit -qm f; rm -f ~/ran");
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_EQ(RUN(stage, "test ! -e ~/ran"), 0);
	CHECK_EQ(RUN(stage, "test ! -e .sbx/topic/.git/hooks/post-checkout"), 0);
}

TEST(a_copy_is_removed_with_its_traces)
{
	STAGE(stage, "git for-each-ref >../refs");
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_EQ(RUN(stage, "git for-each-ref | cmp -s - ../refs"), 1);
	CHECK_EQ(branch_remove(&stage.repository, &stage.branch, &stage.err), 0);
	CHECK_EQ(RUN(stage, "test ! -e .sbx && git for-each-ref | cmp - ../refs"), 0);
	branch_finish(&stage.branch);
	CHECK_EQ(registry_find(&stage.repository, "topic", &stage.branch, &stage.err), -ENOENT);
}

TEST(what_a_killed_process_left_is_taken_away)
{
	struct branches branches;
	STAGE(stage, "true");
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_EQ(RUN(stage, "mv .sbx/topic .sbx/topic.removing; mkdir .sbx/x.making"), 0);
	branch_finish(&stage.branch);
	CHECK_EQ(stage_make(&stage, "other"), 1);
	CHECK_EQ(registry_list(&stage.repository, &branches, &stage.err), 0);
	CHECK_EQ(branches.count, 1);
	CHECK_STR(branches.items[0].name, "other");
	branches_finish(&branches);
	CHECK_EQ(RUN(stage, "test ! -e .sbx/topic.removing && test ! -e .sbx/x.making"), 0);
	CHECK_STR(LINE(stage, "git for-each-ref refs/sbx | wc -l"), "1");
}

TEST(urls_lose_their_passwords)
{
	static const char *const urls[][2] = {
		{ "https://u:p@h/x", "https://h/x" },
		{ "https://token@h/x@y", "https://h/x@y" },
		{ "https://h/x", "https://h/x" },
		{ "ssh://git:p@h/x", "ssh://git@h/x" },
		{ "git@h:x.git", "git@h:x.git" },
		{ "/srv/x", NULL },
		{ "../x", NULL },
		{ "file:///x", NULL },
		{ "ext::sh -c x", NULL },
		{ "plain", NULL },
		{ "https://u:p@q@h/x", "https://h/x" },
	};

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		char url[64];

		(void)snprintf(url, sizeof(url), "%s", urls[i][0]);
		CHECK_EQ(copy_clean_url(url), urls[i][1] != NULL);
		if (urls[i][1] != NULL)
			CHECK_STR(url, urls[i][1]);
	}
}

/* A lock that nobody lets go stands for a file that cannot be written. */
TEST(git_in_the_copy_works_without_writing_its_configuration)
{
	STAGE(stage,
	      "git init -q --bare ../up.git; git init -q ../sub; git -C ../sub commit -q "
	      "--allow-empty -m s; git push -q ../up.git main:other; git -c "
	      "protocol.file.allow=always submodule --quiet add ../sub lib && git remote add "
	      "origin http://h/up.git; git config -f .gitmodules submodule.lib.url ../sub; "
	      "git config -f .gitmodules submodule.evil.url 'ext::touch ~/ran'; "
	      "git config -f .gitmodules submodule.evil.path evil; git commit -qam sub; "
	      "git update-ref refs/remotes/origin/other main");
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_STR(LINE(stage, "git -C .sbx/topic config submodule.lib.url"), "http://h/sub");
	CHECK_STR(LINE(stage, "git -C .sbx/topic config submodule.evil.url"), "");
	CHECK_EQ(
		RUN(stage,
		    "cd .sbx/topic; touch .git/config.lock; git checkout -q other && git switch "
		    "-q topic && git checkout -q -b mine && git -c protocol.file.allow=always -c "
		    "url.$HOME/.insteadOf=http://h/ submodule --quiet update --init lib && test -e "
		    "lib/.git"),
		0);
}

TEST(urls_of_submodules_are_resolved)
{
	static const struct {
		const char *base, *url, *want;
	} rows[] = {
		{ "https://h/a/b.git", "../c.git", "https://h/a/c.git" },
		{ "https://h/a/b.git/", "./c", "https://h/a/b.git/c" },
		{ "https://h/a/b", "../../c/d", "https://h/c/d" },
		{ "git@h:a/b.git", "../c.git", "git@h:a/c.git" },
		{ "git@h:b.git", "../c.git", "git@h:c.git" },
		{ "git@h:b.git", "https://x/y", "https://x/y" },
		{ "https://h", "../c", NULL },
		{ "", "../c", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *got = submodules_resolve(rows[i].base, rows[i].url);

		CHECK_STR(got != NULL ? got : "nothing",
			  rows[i].want != NULL ? rows[i].want : "nothing");
		free(got);
	}
}

TEST(references_are_read_loose_and_packed)
{
	char oid[GIT_OID_MAX + 1];
	char git_dir[256];
	autocall(buf_finish) struct buf all = { .max = 1 << 16 };
	STAGE(stage,
	      "git branch one; git branch deep/two; git pack-refs --all; git branch three; "
	      "echo x >>a; git stash -q");
	(void)snprintf(git_dir, sizeof(git_dir), "%s/.git", stage.scene.repo);
	CHECK_EQ(refs_read_branch(git_dir, "deep/two", oid, &stage.err), 0);
	CHECK_STR(oid, stage.repository.head);
	CHECK_EQ(refs_read_branch(git_dir, "three", oid, &stage.err), 0);
	CHECK_EQ(refs_read_branch(git_dir, "four", oid, &stage.err), -ENOENT);
	CHECK_EQ(refs_read_all(git_dir, &all, &stage.err), 0);
	CHECK_EQ(all.len, 5 * 41);
}

TEST(references_through_links_pipes_and_nonsense_are_not_there)
{
	char oid[GIT_OID_MAX + 1];
	char git_dir[256];
	STAGE(stage,
	      "git rev-parse HEAD >../oid; cd .git/refs/heads; ln -s ../../../../oid link; "
	      "mkfifo pipe; echo nonsense >bad; ln -s ../../.. up; "
	      "head -c 39 ../../../../oid >short; printf '%s00' $(cat main) >long");
	(void)snprintf(git_dir, sizeof(git_dir), "%s/.git", stage.scene.repo);
	CHECK_EQ(refs_read_branch(git_dir, "link", oid, &stage.err), -ENOENT);
	CHECK_EQ(refs_read_branch(git_dir, "pipe", oid, &stage.err), -ENOENT);
	CHECK_EQ(refs_read_branch(git_dir, "bad", oid, &stage.err), -ENOENT);
	CHECK_EQ(refs_read_branch(git_dir, "short", oid, &stage.err), -ENOENT);
	CHECK_EQ(refs_read_branch(git_dir, "long", oid, &stage.err), -ENOENT);
	CHECK_EQ(refs_read_branch(git_dir, "up/oid", oid, &stage.err), -ENOENT);
	CHECK_EQ(refs_read_branch(git_dir, "../heads/main", oid, &stage.err), 0);
	CHECK_EQ(refs_read_branch(git_dir, "../../../../oid", oid, &stage.err), -ENOENT);
}

TEST_MAIN()
