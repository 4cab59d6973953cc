/*
 * Running git, by argument vector and never through a shell, so that nothing
 * which a sandbox wrote can make it run something else.
 *
 * Whatever the user and the repository configured, every call has: no hooks,
 * no file system monitor, no pager, no editor, no prompt, no replaced objects,
 * no transport but the local one, no descent into submodules, no upkeep of its
 * own (gc). Of the environment it gets what names the user, and no GIT_DIR and
 * the like. A call with GIT_FOREIGN reads no configuration at all but that of
 * the repository it works in, which must then be one of our own making: so there
 * is no filter, no merge or diff driver, that a .gitattributes file could choose.
 *
 * Output is collected up to a limit. git speaks English here (LC_ALL=C).
 */
#ifndef GIT_COMMAND_H
#define GIT_COMMAND_H

#include <stddef.h>

struct buf;
struct err;

enum git_trust {
	GIT_OWN,     /* the user's repository: with the user's configuration */
	GIT_FOREIGN, /* what a sandbox wrote: with none */
};

enum {
	GIT_OUTPUT_MAX = 64 * 1048576, /* bytes of one answer; a list of a million files fits */
	GIT_WORDS_MAX = 64,	       /* of one command line, without the settings */
	GIT_SETTINGS_MAX = 256,
};

/* Settings of one more call, "KEY=VALUE" for `git -c`. */
struct git_settings {
	char *items[GIT_SETTINGS_MAX]; /* owned */
	size_t count;
};

struct git_call {
	enum git_trust trust;
	const char *folder;    /* where it runs; absolute; the only member that must be given */
	const char *git_dir;   /* NULL: git finds it from the folder */
	const char *work_tree; /* NULL: that of the repository */
	const char *index;     /* another index file; NULL: the repository's */
	const void *input;     /* its standard input; NULL: nothing */
	size_t input_len;
	const struct git_settings *settings; /* NULL: none */
	int out; /* when above 0, its output goes there and is not collected */
};

/*
 * Runs `git words...` (NULL-terminated) to its end. Returns its exit status;
 * *err then holds its own first sentence when that is not 0. What it printed is
 * appended to *ret, which may be NULL. Failures: -ENOENT when there is no git, -EFBIG when
 * it prints more than *ret may hold, -EINTR when a signal ended it.
 */
int git_run(const struct git_call *call, const char *const *words, struct buf *ret,
	    struct err *err);

/* The same where any status but 0 is a failure: -EIO, "git WORD: what it said". */
int git_must(const struct git_call *call, const char *const *words, struct buf *ret,
	     struct err *err);

/* The same for an answer of one line, which is returned without its end; owned by the caller. */
int git_line(const struct git_call *call, const char *const *words, char **ret, struct err *err);

int git_settings_add(struct git_settings *settings, const char *key, const char *value);
void git_settings_finish(struct git_settings *settings);

#endif
