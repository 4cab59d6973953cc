/*
 * Kits in git repositories: git+https://HOST/PATH[#ref=REF&dir=FOLDER] and
 * git+ssh://[USER@]HOST/PATH. The user's git fetches one commit into a bare
 * repository that is then gone; nothing is checked out, so neither hooks nor
 * filters nor submodules of the repository mean anything, and only the
 * protocol of the URL may be spoken.
 */
#ifndef SBX_KIT_GIT_H
#define SBX_KIT_GIT_H

#include <stdbool.h>

struct err;
struct kit_bundle;

enum { KIT_GIT_PART_MAX = 1024 };

struct kit_git {
	char url[KIT_GIT_PART_MAX];    /* without "git+" and what follows '#' */
	char ref[KIT_GIT_PART_MAX];    /* "HEAD" when none was given */
	char folder[KIT_GIT_PART_MAX]; /* "": the repository's own */
	bool is_pinned;		       /* ref is a whole commit id */
};

/* -EINVAL with a sentence. */
int kit_git_parse(const char *reference, struct kit_git *ret, struct err *err);

/* Fetches into a bundle that was initialised. -errno with a sentence. */
int kit_git_read(const struct kit_git *git, struct kit_bundle *bundle, struct err *err);

#endif
