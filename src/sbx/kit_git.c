#include "sbx/kit_git.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "kit/bundle.h"
#include "kit/untar.h"
#include "sbx/tool.h"

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

enum { COMMIT_DIGITS = 40, ARGUMENTS_MAX = 40 };

static int refuse(const char *reference, const char *why, struct err *err)
{
	return err_set(err, -EINVAL, "'%s' %s; write git+https://HOST/PATH#ref=REF&dir=FOLDER",
		       reference, why);
}

/* HOST[:PORT]/PATH, with USER@ before it for ssh; no part can be taken for an option. */
static bool is_place(const char *place, bool has_user)
{
	const char *slash = strchr(place, '/'), *at = strchr(place, '@');
	const char *host = place;

	if (slash == NULL || slash[1] == '\0' || strspn(place, WORD ":@/~+") != strlen(place))
		return false;
	if (at != NULL && at < slash) {
		if (!has_user || strspn(place, WORD) != (size_t)(at - place))
			return false;
		host = at + 1;
	}
	return place[0] != '-' && host[0] != '-' && host[0] != ':' && host != slash &&
	       strstr(slash, "/../") == NULL;
}

static bool is_ref(const char *ref)
{
	return ref[0] != '\0' && ref[0] != '-' && strspn(ref, WORD "/") == strlen(ref) &&
	       strstr(ref, "..") == NULL;
}

static bool is_folder(const char *folder)
{
	return folder[0] != '\0' && folder[0] != '-' && folder[0] != '/' &&
	       strspn(folder, WORD "/ ") == strlen(folder) && strstr(folder, "..") == NULL;
}

/* "ref=…&dir=…" */
static int parse_fragment(const char *reference, char *fragment, struct kit_git *git,
			  struct err *err)
{
	char *item;

	while ((item = strsep(&fragment, "&")) != NULL) {
		if (strncmp(item, "ref=", 4) == 0 && is_ref(item + 4))
			(void)snprintf(git->ref, sizeof(git->ref), "%s", item + 4);
		else if (strncmp(item, "dir=", 4) == 0 && is_folder(item + 4))
			(void)snprintf(git->folder, sizeof(git->folder), "%s", item + 4);
		else
			return refuse(reference, "has something else than ref and dir after '#'",
				      err);
	}
	return 0;
}

int kit_git_parse(const char *reference, struct kit_git *ret, struct err *err)
{
	static const char https[] = "git+https://", ssh[] = "git+ssh://";
	bool is_ssh = strncmp(reference, ssh, sizeof(ssh) - 1) == 0;
	size_t start = is_ssh ? sizeof(ssh) - 1 : sizeof(https) - 1;
	struct kit_git git = { .ref = "HEAD" };
	autofree char *copy = strdup(reference);
	char *fragment;
	int r;

	if (copy == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (!is_ssh && strncmp(reference, https, sizeof(https) - 1) != 0)
		return refuse(reference, "speaks another protocol than https and ssh", err);
	if (strlen(reference) >= KIT_GIT_PART_MAX)
		return refuse("this reference", "is too long", err);
	fragment = strchr(copy, '#');
	if (fragment != NULL)
		*fragment++ = '\0';
	if (!is_place(copy + start, is_ssh))
		return refuse(reference, "has no plain host and path", err);
	r = fragment != NULL ? parse_fragment(reference, fragment, &git, err) : 0;
	if (r < 0)
		return r;
	(void)snprintf(git.url, sizeof(git.url), "%s", copy + strlen("git+"));
	git.is_pinned = strlen(git.ref) == COMMIT_DIGITS &&
			strspn(git.ref, "0123456789abcdef") == COMMIT_DIGITS;
	*ret = git;
	return 0;
}

static int feed(void *context, const void *bytes, size_t len, struct err *err)
{
	return kit_untar_feed(context, bytes, len, err);
}

/* git with what it must not do; command: its own arguments, ends with NULL. */
static int run_git(const char *folder, const struct kit_git *git, const char *const *command,
		   struct kit_untar *untar, struct err *err)
{
	static const char *const rules[] = { "git",
					     "-c",
					     "protocol.allow=never",
					     "-c",
					     "core.hooksPath=/dev/null",
					     "-c",
					     "core.fsmonitor=false",
					     "-c",
					     "submodule.recurse=false",
					     "-c",
					     "fetch.fsckObjects=true",
					     "-c",
					     "transfer.bundleURI=false",
					     "-c",
					     "core.attributesFile=/dev/null",
					     "-c",
					     "fetch.recurseSubmodules=false",
					     "--git-dir",
					     NULL };
	bool is_ssh = strncmp(git->url, "ssh:", 4) == 0;
	const char *environment[] = {
		"GIT_TERMINAL_PROMPT=0",
		"GIT_ASKPASS=", is_ssh ? "GIT_ALLOW_PROTOCOL=ssh" : "GIT_ALLOW_PROTOCOL=https",
		"GIT_ATTR_NOSYSTEM=1",
		/* reading needs no settings: no filter of anybody runs */
		untar != NULL ? "GIT_CONFIG_NOSYSTEM=1" : NULL, "GIT_CONFIG_GLOBAL=/dev/null", NULL
	};
	const char *argv[ARGUMENTS_MAX];
	size_t count = 0;

	for (const char *const *rule = rules; *rule != NULL; rule++)
		argv[count++] = *rule;
	argv[count++] = folder;
	while (*command != NULL && count + 1 < ARGUMENTS_MAX)
		argv[count++] = *command++;
	argv[count] = NULL;
	return tool_run(&(struct tool){ .argv = argv,
					.environment = environment,
					.output = untar != NULL ? feed : NULL,
					.context = untar },
			err);
}

static int fetch(const char *folder, const struct kit_git *git, struct err *err)
{
	const char *const init[] = { "init", "--quiet", "--bare", "--template=", folder, NULL };
	const char *const get[] = { "fetch",
				    "--quiet",
				    "--depth=1",
				    "--no-tags",
				    "--no-recurse-submodules",
				    "--no-write-commit-graph",
				    "--",
				    git->url,
				    git->ref,
				    NULL };
	int r = run_git(folder, git, init, NULL, err);

	return r == 0 ? run_git(folder, git, get, NULL, err) : r;
}

/* The tree as an archive: nothing of it is ever a file of this machine. */
static int unpack(const char *folder, const struct kit_git *git, struct kit_bundle *bundle,
		  struct err *err)
{
	autofree char *tree = NULL;
	const char *command[] = { "archive", "--format=tar", NULL, NULL };
	struct kit_untar *untar = NULL;
	int r;

	if (asprintf(&tree, "FETCH_HEAD:%s", git->folder) < 0 ||
	    kit_untar_create(bundle, KIT_UNTAR_WHOLE, &untar) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	command[2] = tree;
	r = run_git(folder, git, command, untar, err);
	if (r == 0)
		r = kit_untar_finish(untar, err);
	kit_untar_destroy(untar);
	return r;
}

int kit_git_read(const struct kit_git *git, struct kit_bundle *bundle, struct err *err)
{
	autofree char *folder = NULL;
	int r = tool_make_folder(&folder, err);

	if (r < 0)
		return r;
	r = fetch(folder, git, err);
	if (r == 0)
		r = unpack(folder, git, bundle, err);
	if (r == 0 && bundle->spec.len == 0)
		r = err_set(err, -ENOENT, "'%s' is no kit: it has no spec.yaml", bundle->name);
	(void)file_remove_tree(AT_FDCWD, folder);
	return r;
}
