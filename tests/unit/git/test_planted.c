/*
 * What a sandbox can plant in its copy so that git runs a program: each is planted
 * with the whole copy in the attacker's hands, then everything that sbx does with a
 * branch on the host is done. At last git itself is let at it, to prove that what was
 * planted would have run.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "git/compare.h"
#include "git/loss.h"
#include "git/merge.h"
#include "git/quarantine.h"
#include "git/review.h"
#include "tests/unit/git/stage.h"
#include "tests/unit/test.h"

#define RAN "touch ~/ran"
#define CONFIG(key, value) "git config " key " '" value "'; "
#define ATTRIBUTES(text) "echo '" text "' >.gitattributes; "

static const struct {
	const char *what, *plant, *proof;
} rows[] = {
	{ "core.fsmonitor", CONFIG("core.fsmonitor", RAN "; false"), "git status" },
	{ "core.hooksPath",
	  "mkdir h; printf '#!/bin/sh\n" RAN "\n' >h/post-checkout; chmod +x h/*; "
	  "git config core.hooksPath $PWD/h",
	  "git checkout -q topic" },
	{ "a hook",
	  "mkdir -p .git/hooks; printf '#!/bin/sh\n" RAN "\n' >.git/hooks/post-checkout; "
	  "for h in reference-transaction post-merge post-commit pre-push post-index-change; do "
	  "cp .git/hooks/post-checkout .git/hooks/$h; done; chmod +x .git/hooks/*; rm -f ~/ran",
	  "git checkout -q topic" },
	{ "core.sshCommand",
	  CONFIG("core.sshCommand", RAN "; false") CONFIG("remote.x.url", "ssh://h/x"),
	  "git fetch x" },
	{ "a remote's helper",
	  CONFIG("protocol.ext.allow", "always")
		  CONFIG("remote.origin.url", "ext::sh -c touch% ~/ran"),
	  "git fetch origin" },
	{ "a remote's upload-pack",
	  CONFIG("remote.x.url", ".") CONFIG("remote.x.uploadpack", RAN "; git-upload-pack"),
	  "git fetch x" },
	{ "diff.external", CONFIG("diff.external", RAN "; true"), "git diff HEAD~1" },
	{ "a diff driver", CONFIG("diff.d.command", RAN "; true") ATTRIBUTES("* diff=d"),
	  "git diff HEAD~1" },
	{ "textconv", CONFIG("diff.d.textconv", RAN "; cat") ATTRIBUTES("* diff=d"),
	  "git diff HEAD~1" },
	{ "attributes of its own",
	  CONFIG("diff.d.textconv",
		 RAN "; cat") "mkdir -p .git/info; echo '* diff=d' >.git/info/attributes; ",
	  "git diff HEAD~1" },
	{ "a clean filter", CONFIG("filter.f.clean", RAN "; cat") ATTRIBUTES("* filter=f"),
	  "echo y >>b; git add b" },
	{ "a smudge filter", CONFIG("filter.f.smudge", RAN "; cat") ATTRIBUTES("* filter=f"),
	  "rm b; git checkout b" },
	{ "a filter process", CONFIG("filter.f.process", RAN "; false") ATTRIBUTES("* filter=f"),
	  "echo y >>b; git add b" },
	{ "a merge driver",
	  CONFIG("merge.m.driver", RAN "; true") ATTRIBUTES("* merge=m") "echo c >b; ",
	  "git checkout -q -b o HEAD~1; echo o >b; echo '* merge=m' >.gitattributes; git add .; "
	  "git commit -qm o; git merge topic" },
	{ "include",
	  "printf '[core]\nfsmonitor = " RAN
	  "; false\n' >.git/more; " CONFIG("include.path", "more"),
	  "git status" },
	{ "includeIf",
	  "printf '[core]\nfsmonitor = " RAN
	  "; false\n' >.git/more; " CONFIG("includeIf.gitdir:/.path", "more"),
	  "git status" },
	{ "an alias",
	  CONFIG("alias.diff", "!" RAN) CONFIG("alias.merge-tree", "!" RAN)
		  CONFIG("alias.st", "!" RAN),
	  "git st" },
	{ "gpg.program",
	  "printf '#!/bin/sh\n" RAN "\n' >.git/gpg; chmod +x .git/gpg; git config gpg.program "
	  "$PWD/.git/gpg; " CONFIG("commit.gpgSign", "true") CONFIG("log.showSignature", "true"),
	  "git commit --allow-empty -m signed" },
	{ "core.editor", CONFIG("core.editor", RAN "; true"), "git commit --allow-empty" },
	{ "a credential helper", CONFIG("credential.helper", "!" RAN),
	  "printf 'protocol=http\nhost=h\n\n' | git credential fill" },
	{ "a submodule's URL",
	  CONFIG("protocol.ext.allow",
		 "always") "mkdir s; printf '[submodule \"s\"]\npath = s\nurl = "
			   "ext::sh -c touch%% ~/ran\n' >.gitmodules; git "
			   "update-index --add --cacheinfo "
			   "160000,$(git rev-parse HEAD),s; ",
	  "git -c protocol.ext.allow=always submodule update --init" },
	{ "a repository in the files",
	  "git init -q n; git -C n config core.fsmonitor '" RAN "; false'; touch n/x; ",
	  "git -C n status" },
	{ "a configuration of the worktree",
	  CONFIG("extensions.worktreeConfig", "true") "printf '[core]\nfsmonitor = " RAN
						      "; false\n' >.git/config.worktree; ",
	  "git status" },
};

/* What `sbx branch ls`, `diff`, `rm` and `review` do. */
static int look(struct stage *stage)
{
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	autocall(findings_finish) struct findings findings = { .count = 0 };
	autocall(buf_finish) struct buf text;
	struct loss loss;
	size_t commits;
	int r = stage_reopen(stage);

	buf_init(&text, 1 << 20);
	if (r == 0)
		r = loss_find(&stage->repository, &stage->branch, &loss, &stage->err);
	if (r == 0)
		r = quarantine_open(&stage->repository, &stage->branch, &quarantine, &stage->err);
	if (r == 0)
		r = quarantine_count(&quarantine, true, &commits, &stage->err);
	if (r == 0)
		r = quarantine_bring(&quarantine, &stage->err);
	if (r == 0)
		r = quarantine_status(&quarantine, &text, &stage->err);
	if (r == 0)
		r = compare_prepare(&quarantine, true, &stage->err);
	if (r == 0)
		r = compare_run(&quarantine, COMPARE_PATCH, 0, &text, &stage->err);
	if (r == 0)
		r = compare_run(&quarantine, COMPARE_STAT, 0, &text, &stage->err);
	return r < 0 ? r : review_branch(&quarantine, &findings, &stage->err);
}

static int take(struct stage *stage)
{
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	enum merge_outcome outcome;
	int r = stage_reopen(stage);

	if (r == 0)
		r = quarantine_open(&stage->repository, &stage->branch, &quarantine, &stage->err);
	if (r == 0)
		r = quarantine_bring(&quarantine, &stage->err);
	if (r == 0)
		r = merge_into_branch(&quarantine, &stage->err);
	return r < 0 ? r : merge_into_head(&quarantine, &outcome, &stage->err);
}

static int run_in_copy(struct stage *stage, const char *script)
{
	char line[2048];

	(void)snprintf(line, sizeof(line), "cd .sbx/topic; %s", script);
	return scene_run(&stage->scene, line);
}

/* Plants, looks and takes; "" when nothing of it ran and all arrived, else what went wrong. */
static const char *survive(struct stage *stage, const char *plant)
{
	static char why[ERR_TEXT_MAX];

	if (run_in_copy(stage, "echo b >b; git add b; git commit -qm b") != 0)
		return "there is no commit";
	(void)run_in_copy(stage, plant);
	(void)run_in_copy(stage,
			  "git add -A; git commit -qm more || git -c commit.gpgSign=false "
			  "commit -qm more; echo dirty >dirty; rm -f ~/ran");
	if (look(stage) < 0 || take(stage) < 0) {
		(void)snprintf(why, sizeof(why), "%s", stage->err.text);
		return why;
	}
	return scene_run(&stage->scene, "test ! -e ~/ran && test -e b && git fsck --strict") == 0
		       ? ""
		       : "it ran, or did not arrive";
}

TEST(what_is_planted_does_not_run_on_the_host)
{
	for (size_t i = 0; i < countof(rows); i++) {
		const char *result;
		STAGE(stage, "true");

		CHECK_EQ(stage_make(&stage, "topic"), 1);
		result = survive(&stage, rows[i].plant);
		if (*result != '\0')
			CHECK_STR(rows[i].what, result);
		(void)run_in_copy(&stage, rows[i].proof);
		if (scene_run(&stage.scene, "test -e ~/ran") != 0)
			CHECK_STR(rows[i].what, "what was planted does not run in git either");
	}
}

TEST_MAIN()
