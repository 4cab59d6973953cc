/*
 * A repository of real git in a folder of its own, for the tests of src/git.
 * The environment is that of a user `t` without any configuration.
 */
#ifndef TESTS_UNIT_GIT_SCENE_H
#define TESTS_UNIT_GIT_SCENE_H

#include <stdbool.h>

struct scene {
	char folder[64]; /* absolute; it holds all the others, and is the home */
	char repo[80];	 /* FOLDER/repo, with a branch main and one commit of the file `a` */
};

bool scene_init(struct scene *scene);
void scene_finish(struct scene *scene);

/* Runs a shell script in the repository; its status. What it prints is dropped. */
int scene_run(const struct scene *scene, const char *script);

/* The first line that a script prints, weak until the next call; "" when there is none. */
const char *scene_line(const struct scene *scene, const char *script);

#endif
