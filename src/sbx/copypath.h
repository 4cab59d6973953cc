/*
 * The paths of cp, by the rules of docker cp. No connection here: what depends on the
 * sandbox is asked by the caller.
 */
#ifndef SBX_COPYPATH_H
#define SBX_COPYPATH_H

#include <stdbool.h>

struct err;

/*
 * "SANDBOX:PATH": the name, owned by the caller, and where the path begins in
 * text. NULL for a path of this machine: one without a colon, or with a slash before it.
 */
char *copypath_sandbox(const char *text, const char **ret_path);

/* The path ends in "/." or is ".": what is in the folder is meant, not the folder. */
bool copypath_is_content(const char *path);

/* The path ends in a slash or "/.": it can only be a folder. */
bool copypath_wants_folder(const char *path);

/* Without slashes and "/." at its end ("/" stays); owned by the caller, NULL without memory. */
char *copypath_strip(const char *path);

/* FOLDER/last part of SOURCE, links in SOURCE's folder resolved; owned, NULL without memory. */
char *copypath_into(const char *folder, const char *source);

/* Where something is unpacked on this machine. */
struct copy_place {
	int folder; /* owned; open folder */
	char *name; /* owned; the name it gets in it */
};

/*
 * target: a path of this machine; source: the path in the sandbox, and whether a folder is there.
 * A sentence on failure: -ENOENT no folder where there must be one, -ENOTDIR a file is there.
 */
int copy_place_find(const char *target, const char *source, bool is_folder, struct copy_place *ret,
		    struct err *err);
void copy_place_finish(struct copy_place *place);

#endif
