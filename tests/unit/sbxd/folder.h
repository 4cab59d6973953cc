/*
 * A temporary folder for one test, and the paths of a daemon in it.
 */
#ifndef TESTS_UNIT_SBXD_FOLDER_H
#define TESTS_UNIT_SBXD_FOLDER_H

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/paths.h"

/* Makes the folder and points HOME and the XDG variables into it. */
static inline int folder_make(char ret[PATH_MAX], struct paths *paths)
{
	char template[] = "/tmp/sbxd-test-XXXXXX";
	char *state, *run;
	struct err err = ERR_INIT;
	int r = -1;

	if (mkdtemp(template) == NULL || realpath(template, ret) == NULL)
		return -1;
	state = path_join(ret, "state");
	run = path_join(ret, "run");
	if (state != NULL && run != NULL) {
		(void)setenv("HOME", ret, 1);
		(void)setenv("XDG_STATE_HOME", state, 1);
		(void)setenv("XDG_RUNTIME_DIR", run, 1);
		r = paths_init(paths, NULL, &err);
	}
	free(state);
	free(run);
	return r;
}

static inline void folder_remove(const char *folder, struct paths *paths)
{
	paths_finish(paths);
	(void)file_remove_tree(AT_FDCWD, folder);
}

#endif
