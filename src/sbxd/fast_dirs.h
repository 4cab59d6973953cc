/*
 * Folders of the workspace that are built there rather than written, like
 * node_modules or target: in the sandbox they lie on its own disk, over those of
 * the workspace. The host sees an empty folder, or what it had there before.
 */
#ifndef SBXD_FAST_DIRS_H
#define SBXD_FAST_DIRS_H

#include <jansson.h>

struct err;
struct mounts;
struct string_list;

enum { FAST_DIRS_MAX = 16 };

/*
 * Takes a request's list of paths below the workspace, the first of mounts. -EINVAL, with a
 * sentence, for one that leads out of it or lies in another, and for a workspace that is a file
 * or read-only.
 */
int fast_dirs_take(const json_t *list, const struct mounts *mounts, struct string_list *ret,
		   struct err *err);

#endif
