#include "git/review.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/compare.h"
#include "git/quarantine.h"
#include "git/registry.h"

enum {
	MODE_FORMAT = 0170000, /* of a tree's entry: git-fast-import(1), M */
	MODE_GITLINK = 0160000,
	MODE_LINK = 0120000,
	MODE_PROGRAM = 0100755,
	ENTRIES_MAX = 1000000, /* files that are looked at in one folder's tree */
	DEPTH_MAX = 64,
};

void findings_finish(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		free(findings->items[i].path);
	free(findings->items);
	*findings = (struct findings){ .count = 0 };
}

static int add(struct findings *findings, const struct finding *finding)
{
	struct finding *items;
	char *path;

	if (findings->count == FINDINGS_MAX) {
		findings->left_out++;
		return 0;
	}
	if ((findings->count & (findings->count - 1)) == 0) {
		items = reallocarray(findings->items,
				     findings->count == 0 ? 1 : 2 * findings->count,
				     sizeof(*items));
		if (items == NULL)
			return -ENOMEM;
		findings->items = items;
	}
	path = strdup(finding->path);
	if (path == NULL)
		return -ENOMEM;
	findings->items[findings->count] = *finding;
	findings->items[findings->count++].path = path;
	return 0;
}

/* What the mode alone says. */
static const struct review_rule *match_mode(const struct change *change)
{
	static const struct review_rule gitlink = { "", "git",
						    "git, as a submodule: another repository" };
	static const struct review_rule link = {
		"", "link", "whatever follows it: it may lead out of the folder"
	};
	static const struct review_rule program = { "", "program", "you, when you call it" };

	if ((change->new_mode & MODE_FORMAT) == MODE_GITLINK)
		return &gitlink;
	if ((change->new_mode & MODE_FORMAT) == MODE_LINK)
		return &link;
	return change->new_mode == MODE_PROGRAM && change->old_mode != MODE_PROGRAM ? &program
										    : NULL;
}

int review_change(struct findings *findings, const struct change *change)
{
	const struct review_rule *rule;
	struct finding finding = { .path = (char *)(uintptr_t)change->path,
				   .status = change->status };

	if (change->new_mode == 0)
		return 0;
	rule = review_match(change->path);
	if (rule == NULL)
		rule = match_mode(change);
	if (rule == NULL)
		return 0;
	finding.kind = rule->kind;
	finding.runs = rule->runs;
	return add(findings, &finding);
}

/* A walk through folders of a stranger. */
struct walk {
	struct findings *findings;
	size_t entries;
};

static int add_unchanged(struct walk *walk, const char *path, const char *runs)
{
	const struct finding finding = {
		.path = (char *)(uintptr_t)path, .kind = "git", .runs = runs, .status = '?'
	};

	return add(walk->findings, &finding);
}

/* In the folder's own `.git`: content, and not what git does. */
static bool is_content(const char *name)
{
	return strcmp(name, "objects") == 0 || strcmp(name, "refs") == 0 ||
	       strcmp(name, "logs") == 0 || strcmp(name, "lfs") == 0;
}

static int walk_folder(struct walk *walk, int parent, const char *name, const char *path,
		       int depth);

/* A folder or file of the name `.git`, below the top the root of another repository. */
static int enter_git(struct walk *walk, int folder, const struct dirent *entry, const char *path)
{
	if (strchr(path, '/') != NULL)
		return add_unchanged(walk, path,
				     "git, when you call it there: a repository with settings and "
				     "hooks of its own");
	return entry->d_type == DT_DIR ? walk_folder(walk, folder, entry->d_name, path, 1) : 0;
}

static int walk_entry(struct walk *walk, int folder, const struct dirent *entry, const char *path,
		      int depth)
{
	autofree char *child = NULL;
	bool is_in_git = strncasecmp(path, ".git", 4) == 0 && (path[4] == '/' || path[4] == '\0');
	const char *runs;

	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	if (asprintf(&child, "%s%s%s", path, *path != '\0' ? "/" : "", entry->d_name) < 0)
		return -ENOMEM;
	if (!is_in_git && strcasecmp(entry->d_name, ".git") == 0)
		return enter_git(walk, folder, entry, child);
	if (entry->d_type == DT_DIR)
		return is_in_git && is_content(entry->d_name)
			       ? 0
			       : walk_folder(walk, folder, entry->d_name, child, depth + 1);
	runs = is_in_git ? review_match_git(child + strlen(".git/")) : NULL;
	return runs != NULL ? add_unchanged(walk, child, runs) : 0;
}

/* What cannot be opened, or lies too deep, is left out. */
static int walk_folder(struct walk *walk, int parent, const char *name, const char *path, int depth)
{
	int fd = depth > DEPTH_MAX
			 ? -1
			 : openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (listing == NULL) {
		if (fd >= 0)
			(void)close(fd);
		walk->findings->left_out++;
		return 0;
	}
	while (r == 0 && (entry = readdir(listing)) != NULL) {
		if (walk->entries++ == ENTRIES_MAX) {
			walk->findings->left_out++;
			break;
		}
		r = walk_entry(walk, dirfd(listing), entry, path, depth);
	}
	(void)closedir(listing);
	return r;
}

int review_folder(struct findings *findings, const char *folder, struct err *err)
{
	struct walk walk = { .findings = findings };
	autoclose int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set_errno(err, -errno, "cannot open '%s'", folder);
	r = walk_folder(&walk, fd, ".", "", 0);
	return r < 0 ? err_set_errno(err, r, "cannot look through '%s'", folder) : 0;
}

static int visit(void *context, const struct change *change)
{
	return review_change(context, change);
}

int review_branch(const struct quarantine *quarantine, struct findings *ret, struct err *err)
{
	struct findings findings = { .count = 0 };
	autocall(buf_finish) struct buf raw;
	int r;

	buf_init(&raw, GIT_OUTPUT_MAX);
	r = compare_prepare(quarantine, true, err);
	if (r == 0)
		r = compare_run(quarantine, COMPARE_RAW, 0, &raw, err);
	if (r == 0 && compare_walk((const char *)raw.data, raw.len, visit, &findings) < 0)
		r = err_set(err, -EBADMSG, "git lists changes in a way that is not understood");
	if (r == 0)
		r = review_folder(&findings, quarantine->branch->folder, err);
	if (r < 0) {
		findings_finish(&findings);
		return r;
	}
	*ret = findings;
	return 0;
}
