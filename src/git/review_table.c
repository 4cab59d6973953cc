#include <fnmatch.h>
#include <string.h>

#include "base/check.h"
#include "git/review.h"

#define GIT "git, when you work in the repository"
#define HOOK "git, at the next commit or push, where the hooks' program is installed"
#define SHELL "the shell, when you enter the folder"
#define EDITOR "the editor, when it opens the folder"
#define BUILD "the build, when you start it"
#define TEST "the test runner or linter, when you start it"
#define INSTALL "the package manager, when you install or run a script"
#define CI "the CI, with its secrets, when it is pushed"
#define AGENT "an agent that you start on this machine"
#define CONTAINER "docker, when you build or start it"

static const struct review_rule rules[] = {
	{ ".gitattributes", "git", GIT },
	{ ".gitmodules", "git", GIT },
	{ ".lfsconfig", "git", GIT },
	{ ".mailmap", "git", GIT },
	{ ".githooks/", "git", HOOK },
	{ ".husky/", "git", HOOK },
	{ ".pre-commit-config.yaml", "git", HOOK },
	{ ".pre-commit-hooks.yaml", "git", HOOK },
	{ "lefthook*.y*ml", "git", HOOK },
	{ ".lefthook*", "git", HOOK },
	{ ".overcommit.yml", "git", HOOK },
	{ ".envrc", "shell", SHELL },
	{ ".env.sh", "shell", SHELL },
	{ ".autoenv*", "shell", SHELL },
	{ ".mise*.toml", "shell", SHELL },
	{ "mise*.toml", "shell", SHELL },
	{ ".tool-versions", "shell", SHELL },
	{ "flake.nix", "shell", SHELL },
	{ "shell.nix", "shell", SHELL },
	{ ".vscode/", "editor", EDITOR },
	{ ".idea/", "editor", EDITOR },
	{ ".zed/", "editor", EDITOR },
	{ ".fleet/", "editor", EDITOR },
	{ ".devcontainer/", "editor", EDITOR },
	{ ".devcontainer.json", "editor", EDITOR },
	{ "*.code-workspace", "editor", EDITOR },
	{ "*.sublime-project", "editor", EDITOR },
	{ ".dir-locals*.el", "editor", EDITOR },
	{ ".nvim.lua", "editor", EDITOR },
	{ ".nvimrc", "editor", EDITOR },
	{ ".exrc", "editor", EDITOR },
	{ ".vimrc", "editor", EDITOR },
	{ ".lvimrc", "editor", EDITOR },
	{ ".vim/", "editor", EDITOR },
	{ ".github/copilot-instructions.md", "agent", AGENT },
	{ ".github/instructions/", "agent", AGENT },
	{ ".github/prompts/", "agent", AGENT },
	{ ".github/agents/", "agent", AGENT },
	{ ".github/hooks/", "agent", AGENT },
	{ "CLAUDE*.md", "agent", AGENT },
	{ "AGENTS*.md", "agent", AGENT },
	{ "AGENT.md", "agent", AGENT },
	{ "GEMINI.md", "agent", AGENT },
	{ "SKILL.md", "agent", AGENT },
	{ ".claude/", "agent", AGENT },
	{ ".codex/", "agent", AGENT },
	{ ".gemini/", "agent", AGENT },
	{ ".copilot/", "agent", AGENT },
	{ ".cursor/", "agent", AGENT },
	{ ".cursorrules", "agent", AGENT },
	{ ".opencode/", "agent", AGENT },
	{ "opencode.json*", "agent", AGENT },
	{ ".kiro/", "agent", AGENT },
	{ ".factory/", "agent", AGENT },
	{ ".agents/", "agent", AGENT },
	{ ".continue/", "agent", AGENT },
	{ ".windsurf*", "agent", AGENT },
	{ ".windsurf/", "agent", AGENT },
	{ ".clinerules*", "agent", AGENT },
	{ ".clinerules/", "agent", AGENT },
	{ ".roo*", "agent", AGENT },
	{ ".roo/", "agent", AGENT },
	{ ".aider*", "agent", AGENT },
	{ ".mcp.json", "agent", AGENT },
	{ "mcp.json", "agent", AGENT },
	{ "sbxenv.yaml", "agent", "sbx env, which asks before a command of it runs here" },
	{ ".sbxenv.yaml", "agent", "sbx env, which asks before a command of it runs here" },
	{ ".github/workflows/", "ci", CI },
	{ ".github/actions/", "ci", CI },
	{ "action.y*ml", "ci", CI },
	{ ".github/dependabot.yml", "ci", CI },
	{ ".gitlab-ci*.yml", "ci", CI },
	{ ".gitlab/", "ci", CI },
	{ ".circleci/", "ci", CI },
	{ ".buildkite/", "ci", CI },
	{ ".forgejo/", "ci", CI },
	{ ".gitea/", "ci", CI },
	{ ".woodpecker/", "ci", CI },
	{ ".woodpecker*.y*ml", "ci", CI },
	{ ".drone*.y*ml", "ci", CI },
	{ ".travis.yml", "ci", CI },
	{ ".cirrus.yml", "ci", CI },
	{ "appveyor.yml", "ci", CI },
	{ ".appveyor.yml", "ci", CI },
	{ "azure-pipelines*.yml", "ci", CI },
	{ "bitbucket-pipelines.yml", "ci", CI },
	{ "cloudbuild*.y*ml", "ci", CI },
	{ "buildspec*.y*ml", "ci", CI },
	{ "Jenkinsfile*", "ci", CI },
	{ ".goreleaser*", "ci", CI },
	{ "package.json", "packages", INSTALL },
	{ ".npmrc", "packages", INSTALL },
	{ ".yarnrc*", "packages", INSTALL },
	{ ".yarn/", "packages", INSTALL },
	{ ".pnpmfile.cjs", "packages", INSTALL },
	{ "pnpm-workspace.yaml", "packages", INSTALL },
	{ "bunfig.toml", "packages", INSTALL },
	{ "package-lock.json", "packages", INSTALL },
	{ "yarn.lock", "packages", INSTALL },
	{ "pnpm-lock.yaml", "packages", INSTALL },
	{ "setup.py", "packages", INSTALL },
	{ "setup.cfg", "packages", INSTALL },
	{ "pyproject.toml", "packages", INSTALL },
	{ "requirements*.txt", "packages", INSTALL },
	{ "pip.conf", "packages", INSTALL },
	{ "*.pth", "packages", "python, at every start with that folder on its path" },
	{ "sitecustomize.py", "packages", "python, at every start with that folder on its path" },
	{ "usercustomize.py", "packages", "python, at every start with that folder on its path" },
	{ "Gemfile", "packages", INSTALL },
	{ "*.gemspec", "packages", INSTALL },
	{ "composer.json", "packages", INSTALL },
	{ "mix.exs", "packages", INSTALL },
	{ "Package.swift", "packages", INSTALL },
	{ "Podfile", "packages", INSTALL },
	{ "Makefile", "build", BUILD },
	{ "GNUmakefile", "build", BUILD },
	{ "*.mk", "build", BUILD },
	{ "Justfile", "build", BUILD },
	{ ".justfile", "build", BUILD },
	{ "Taskfile*.y*ml", "build", BUILD },
	{ "CMakeLists.txt", "build", BUILD },
	{ "CMakePresets.json", "build", BUILD },
	{ "*.cmake", "build", BUILD },
	{ "meson.build", "build", BUILD },
	{ "configure", "build", BUILD },
	{ "configure.ac", "build", BUILD },
	{ "*.m4", "build", BUILD },
	{ "SConstruct", "build", BUILD },
	{ "wscript", "build", BUILD },
	{ "build.rs", "build", BUILD },
	{ "Cargo.toml", "build", BUILD },
	{ ".cargo/", "build", BUILD },
	{ "rust-toolchain*", "build", BUILD },
	{ "build.zig*", "build", BUILD },
	{ "*.gradle", "build", BUILD },
	{ "*.gradle.kts", "build", BUILD },
	{ "gradle.properties", "build", BUILD },
	{ "gradlew*", "build", BUILD },
	{ "gradle/wrapper/", "build", BUILD },
	{ "pom.xml", "build", BUILD },
	{ ".mvn/", "build", BUILD },
	{ "mvnw*", "build", BUILD },
	{ "build.xml", "build", BUILD },
	{ "build.sbt", "build", BUILD },
	{ "Rakefile", "build", BUILD },
	{ "*.rake", "build", BUILD },
	{ "BUILD", "build", BUILD },
	{ "BUILD.bazel", "build", BUILD },
	{ "WORKSPACE*", "build", BUILD },
	{ "MODULE.bazel", "build", BUILD },
	{ "*.bzl", "build", BUILD },
	{ ".bazelrc", "build", BUILD },
	{ "*.nix", "build", BUILD },
	{ "Directory.Build.*", "build", BUILD },
	{ "*.csproj", "build", BUILD },
	{ "Gulpfile*", "build", BUILD },
	{ "Gruntfile*", "build", BUILD },
	{ "*.config.js", "build", BUILD },
	{ "*.config.cjs", "build", BUILD },
	{ "*.config.mjs", "build", BUILD },
	{ "*.config.ts", "build", BUILD },
	{ "*.config.mts", "build", BUILD },
	{ ".babelrc*", "build", BUILD },
	{ ".eslintrc*", "build", TEST },
	{ ".prettierrc*", "build", TEST },
	{ ".stylelintrc*", "build", TEST },
	{ ".rubocop*.yml", "build", TEST },
	{ ".pylintrc", "build", TEST },
	{ "conftest.py", "build", TEST },
	{ "noxfile.py", "build", TEST },
	{ "tox.ini", "build", TEST },
	{ "pytest.ini", "build", TEST },
	{ ".golangci*.y*ml", "build", TEST },
	{ "Dockerfile*", "container", CONTAINER },
	{ "*.dockerfile", "container", CONTAINER },
	{ "Containerfile*", "container", CONTAINER },
	{ "docker-compose*.y*ml", "container", CONTAINER },
	{ "compose*.y*ml", "container", CONTAINER },
	{ "docker-bake.*", "container", CONTAINER },
	{ "Vagrantfile", "container", "vagrant, when you start it" },
	{ "Tiltfile", "container", "tilt, when you start it" },
	{ "skaffold.yaml", "container", "skaffold, when you start it" },
	{ "Procfile*", "container", "a process runner, when you start it" },
	{ "*.desktop", "shell", "the desktop, when you open it" },
};

/* In a `.git` folder, in the manner of gitrepository-layout(5). */
static const struct {
	const char *pattern, *runs;
} git_rules[] = {
	{ "hooks/*.sample", NULL },
	{ "*/hooks/*.sample", NULL },
	{ "hooks/*", "git, at what the hook is called after" },
	{ "modules/*/hooks/*", "git, in the submodule" },
	{ "modules/*/config", "git, in the submodule: settings that name programs" },
	{ "config.worktree", "git: settings that name programs" },
	{ "*/config.worktree", "git: settings that name programs" },
	{ "commondir", "git: a repository elsewhere, with its settings and hooks" },
	{ "info/attributes", "git: which of your filters run on which file" },
	{ "rebase-merge/git-rebase-todo", "git rebase --continue: its exec lines" },
};

const char *review_match_git(const char *path)
{
	for (size_t i = 0; i < countof(git_rules); i++)
		if (fnmatch(git_rules[i].pattern, path, FNM_CASEFOLD | FNM_NOESCAPE) == 0)
			return git_rules[i].runs;
	return NULL;
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Whether a part of the path, or the parts in a row, are the folder; pattern ends in '/'. */
static bool is_in(const char *path, const char *pattern)
{
	size_t len = strlen(pattern);

	for (; path != NULL; path = strchr(path, '/'), path = path != NULL ? path + 1 : NULL)
		if (strncasecmp(path, pattern, len) == 0)
			return true;
	return false;
}

static bool matches(const struct review_rule *rule, const char *path)
{
	const char *slash = strchr(rule->pattern, '/');

	if (slash == NULL)
		return fnmatch(rule->pattern, file_name(path), FNM_CASEFOLD | FNM_NOESCAPE) == 0;
	if (rule->pattern[strlen(rule->pattern) - 1] == '/')
		return is_in(path, rule->pattern);
	return strcasecmp(rule->pattern, path) == 0;
}

const struct review_rule *review_match(const char *path)
{
	for (size_t i = 0; i < countof(rules); i++)
		if (matches(&rules[i], path))
			return &rules[i];
	return NULL;
}
