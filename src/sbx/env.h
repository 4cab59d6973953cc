/*
 * The environment that -e and --env-file describe, in the manner of docker
 * run: files in their order, then -e, and what comes later wins. "K" alone
 * takes the value from this process, or is left out when there is none.
 */
#ifndef SBX_ENV_H
#define SBX_ENV_H

#include <stddef.h>

struct err;
struct option_list;

/* "K=V" strings; everything is owned. */
struct env {
	char **items; /* count strings and a NULL; NULL when there are none */
	size_t count;
};

/* Adds to env, which must be initialised ({ NULL, 0 }) and finished, also after a failure. */
int env_add(struct env *env, const struct option_list *files, const struct option_list *items,
	    struct err *err);
void env_finish(struct env *env);

#endif
