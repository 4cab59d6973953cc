/*
 * What a sandbox's branch changes, against the commit that it and the user's HEAD
 * have in common: as a patch, or as a list.
 */
#ifndef GIT_COMPARE_H
#define GIT_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct quarantine;

enum compare_form {
	COMPARE_PATCH,
	COMPARE_STAT, /* how many lines of each file */
	COMPARE_RAW,  /* for compare_walk() */
};

/*
 * Gets the index of the quarantine ready, after quarantine_bring(): the branch's commit, and
 * with `files` what is in the copy beyond it, ignored files left out.
 */
int compare_prepare(const struct quarantine *quarantine, bool files, struct err *err);

/* The difference to *ret, or when out is above 0 to that descriptor. */
int compare_run(const struct quarantine *quarantine, enum compare_form form, int out,
		struct buf *ret, struct err *err);

/* One file that is different; git-diff(1), RAW OUTPUT FORMAT. */
struct change {
	unsigned old_mode, new_mode; /* 0: not there */
	const char *object;	     /* the new content, all zeros when it is gone; weak */
	char status;		     /* 'A', 'D', 'M', 'T', ... */
	const char *path;	     /* weak */
};

/*
 * Reads COMPARE_RAW and calls visit for each change until it returns other than 0, which is
 * returned. -EBADMSG when it is nothing that git writes.
 */
int compare_walk(const char *text, size_t len,
		 int (*visit)(void *context, const struct change *change), void *context);

#endif
