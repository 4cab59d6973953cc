/*
 * What of a change runs on the host without anybody calling it by its name: files that git,
 * shells, editors, build tools, CI and agents take as commands or settings. A review does not
 * judge them; it says where to look.
 *
 * The names are a table of data (review_table.c). Files of the change are matched by it; what is
 * in no change, a repository nested in the files, is searched for.
 */
#ifndef GIT_REVIEW_H
#define GIT_REVIEW_H

#include <stdbool.h>
#include <stddef.h>

struct change;
struct err;
struct quarantine;

/* One row of the table. */
struct review_rule {
	/*
	 * fnmatch(3) against the file's name; with '/' in it, against the whole path, where "X/"
	 * means every file in a folder X, at any depth. Compared without case.
	 */
	const char *pattern;
	const char *kind; /* "git", "shell", "editor", "build", "packages", "ci", "agent" */
	const char *runs; /* what takes it, and when: a phrase */
};

/* The first row that the path matches; NULL: none does. */
const struct review_rule *review_match(const char *path);

/* What runs of a file in a `.git` folder, its path relative to that; NULL: nothing. */
const char *review_match_git(const char *path);

struct finding {
	char *path;	  /* owned; bytes of a stranger */
	const char *kind; /* weak, as is runs */
	const char *runs;
	char status; /* 'A', 'M', 'D', 'T'; '?' for what is in no change */
};

enum { FINDINGS_MAX = 10000 };

struct findings {
	struct finding *items; /* owned */
	size_t count;
	size_t left_out; /* beyond FINDINGS_MAX */
};

void findings_finish(struct findings *findings);

/* Adds what one change is, if anything; -ENOMEM. Deleted files run nothing. */
int review_change(struct findings *findings, const struct change *change);

/*
 * Adds every `.git` below a folder, and of the folder's own `.git` what makes git run something.
 * Opened through no symbolic link; a folder of too many files is left_out.
 */
int review_folder(struct findings *findings, const char *folder, struct err *err);

/* The whole review of a sandbox's branch, after quarantine_bring(). *ret must be finished. */
int review_branch(const struct quarantine *quarantine, struct findings *ret, struct err *err);

#endif
