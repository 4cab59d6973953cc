/*
 * Submodules of a copy. In a sandbox the copy's configuration is read-only, so
 * where they come from is written down when the copy is made: then `git submodule
 * update --init` has nothing to write there.
 */
#ifndef GIT_SUBMODULES_H
#define GIT_SUBMODULES_H

struct err;
struct git_call;
struct repository;

enum { SUBMODULES_MAX = 200 };

/*
 * Configures, by a call in the copy, what the .gitmodules of a commit says. URLs that
 * copy_clean_url() does not let through are left out: what the sandbox must not know, or could
 * run something.
 */
int submodules_configure(const struct repository *repository, const char *commit,
			 const struct git_call *copy, struct err *err);

/*
 * A submodule's URL as git-submodule(1) reads it: "./x" and "../x" start from the URL of the
 * repository, others stay. Owned by the caller; NULL when it leads nowhere, or without memory.
 */
char *submodules_resolve(const char *base, const char *url);

#endif
