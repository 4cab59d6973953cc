#include "git/review.h"

#include <errno.h>

#include "git/compare.h"
#include "git/quarantine.h"
#include "tests/unit/git/stage.h"
#include "tests/unit/test.h"

static int review(struct stage *stage, struct findings *ret)
{
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	int r = quarantine_open(&stage->repository, &stage->branch, &quarantine, &stage->err);

	if (r == 0)
		r = quarantine_bring(&quarantine, &stage->err);
	return r < 0 ? r : review_branch(&quarantine, ret, &stage->err);
}

/* The kind of the finding of that path, "" when there is none. */
static const char *kind_of(const struct findings *findings, const char *path)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].path, path) == 0)
			return findings->items[i].kind;
	return "";
}

TEST(names_that_tools_take_as_commands)
{
	static const char *const rows[][2] = {
		{ ".github/workflows/ci.yml", "ci" },
		{ "deep/in/package.json", "packages" },
		{ "Makefile", "build" },
		{ "sub/MAKEFILE", "build" },
		{ ".envrc", "shell" },
		{ "x/.vscode/tasks.json", "editor" },
		{ ".claude/settings.json", "agent" },
		{ "claude.md", "agent" },
		{ ".mcp.json", "agent" },
		{ "docs/AGENTS.md", "agent" },
		{ ".gitattributes", "git" },
		{ ".husky/pre-commit", "git" },
		{ "lib/site.pth", "packages" },
		{ "docker-compose.yml", "container" },
		{ "vite.config.ts", "build" },
		{ ".idea/runConfigurations/x.xml", "editor" },
	};
	static const char *const harmless[] = { "src/main.c", "README.md", "vscode/tasks.json",
						"makefile.txt", "x.github/workflows2/y" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct review_rule *rule = review_match(rows[i][0]);

		CHECK_STR(rule != NULL ? rule->kind : rows[i][0], rows[i][1]);
	}
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		CHECK_STR(review_match(harmless[i]) == NULL ? "" : harmless[i], "");
}

TEST(names_within_a_git_folder)
{
	static const char *const run[] = { "hooks/post-commit",		  "modules/a/config",
					   "modules/a/b/hooks/update",	  "config.worktree",
					   "worktrees/x/config.worktree", "commondir",
					   "rebase-merge/git-rebase-todo" };
	static const char *const idle[] = { "config",
					    "HEAD",
					    "hooks/update.sample",
					    "modules/a/hooks/update.sample",
					    "worktrees/x/commondir",
					    "index" };

	for (size_t i = 0; i < sizeof(run) / sizeof(*run); i++)
		CHECK_STR(review_match_git(run[i]) != NULL ? "" : run[i], "");
	for (size_t i = 0; i < sizeof(idle) / sizeof(*idle); i++)
		CHECK_STR(review_match_git(idle[i]) == NULL ? "" : idle[i], "");
}

TEST(a_change_is_reviewed_with_what_is_not_committed)
{
	autocall(findings_finish) struct findings findings = { .count = 0 };
	STAGE(stage,
	      "echo all: >Makefile; echo '*.o' >.gitignore; mkdir .vscode; echo {} "
	      ">.vscode/x.json; git add .; git commit -qm old");
	CHECK_EQ(stage_make(&stage, "topic"), 1);
	CHECK_EQ(RUN(stage,
		     "cd .sbx/topic; echo x >>a; mkdir -p .claude sub/nested; touch "
		     ".claude/settings.json tool; chmod +x tool; ln -s /etc/passwd link; "
		     "git add .; git commit -qm one; echo {} >package.json; rm .vscode/x.json; "
		     "git init -q sub/nested; git -C sub/nested commit -q --allow-empty -m n; "
		     "printf '#!/bin/sh\\n' >.git/hooks-not; mkdir .git/hooks; touch "
		     ".git/hooks/post-commit .git/hooks/update.sample; touch "
		     "\"$(printf 'Makefile\\033[2J.mk')\""),
		 0);
	CHECK_EQ(review(&stage, &findings), 0);
	CHECK_STR(kind_of(&findings, ".claude/settings.json"), "agent");
	CHECK_STR(kind_of(&findings, "package.json"), "packages");
	CHECK_STR(kind_of(&findings, "tool"), "program");
	CHECK_STR(kind_of(&findings, "link"), "link");
	CHECK_STR(kind_of(&findings, "sub/nested/.git"), "git");
	CHECK_STR(kind_of(&findings, ".git/hooks/post-commit"), "git");
	CHECK_STR(kind_of(&findings, ".git/hooks/update.sample"), "");
	CHECK_STR(kind_of(&findings, "Makefile\033[2J.mk"), "build");
	CHECK_STR(kind_of(&findings, "Makefile"), "");
	CHECK_STR(kind_of(&findings, ".vscode/x.json"), "");
	CHECK_STR(kind_of(&findings, "a"), "");
	CHECK_EQ(findings.left_out, 0);
}

TEST(folders_of_a_stranger_are_walked_within_limits)
{
	autocall(findings_finish) struct findings findings = { .count = 0 };
	STAGE(stage,
	      "ln -s / root; mkdir locked; chmod 0 locked; d=x; for i in $(seq 80); do "
	      "d=$d/x; done; mkdir -p $d; mkdir -p y/.GIT; ln -s ../.git z.git");
	CHECK_EQ(review_folder(&findings, stage.scene.repo, &stage.err), 0);
	CHECK_STR(kind_of(&findings, "y/.GIT"), "git");
	CHECK(findings.left_out >= 1);
	CHECK_EQ(RUN(stage, "chmod 700 locked"), 0);
}

TEST(findings_are_limited)
{
	autocall(findings_finish) struct findings findings = { .count = 0 };
	const struct change change = { .new_mode = 0100644, .path = "Makefile", .status = 'A' };

	for (size_t i = 0; i < FINDINGS_MAX + 5; i++)
		CHECK_EQ(review_change(&findings, &change), 0);
	CHECK_EQ(findings.count, FINDINGS_MAX);
	CHECK_EQ(findings.left_out, 5);
}

TEST_MAIN()
