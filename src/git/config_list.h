/*
 * The settings of a repository, or of a file in one of its commits, whose keys
 * match a pattern, as `git config --get-regexp` tells them.
 */
#ifndef GIT_CONFIG_LIST_H
#define GIT_CONFIG_LIST_H

struct err;
struct git_call;

/*
 * One setting. key and value may be written to and stand until the return;
 * values are a repository's words: nothing about them has been checked.
 * Below 0 ends the walk.
 */
typedef int git_config_fn(char *key, char *value, void *data, struct err *err);

/*
 * Calls each for every setting whose key matches pattern (a regular expression
 * of git's), in git's order; keys without a value are left out. blob is
 * "--blob=COMMIT:PATH", or NULL for the repository's own configuration.
 * Returns 0, what each returned when that is not 0, git's exit status when it
 * could not tell (1: there is none), -EFBIG for more than 1 MiB of them, or as git_run().
 */
int git_each_config(const struct git_call *call, const char *blob, const char *pattern,
		    git_config_fn *each, void *data, struct err *err);

#endif
