/* The environment of a command: lines "K=V", one for each K, the last one given wins. */
#ifndef SBX_INIT_ENVIRON_H
#define SBX_INIT_ENVIRON_H

#include <stddef.h>

enum { ENVIRON_MAX = 2100 }; /* what SETUP, EXEC and we may give together */

/* Where programs are, when nobody says otherwise. */
#define ENVIRON_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct environ {
	char *lines[ENVIRON_MAX + 1]; /* owned; ends in NULL, for execve() */
	size_t count;
};

void environ_init(struct environ *env);
void environ_finish(struct environ *env);

/* Takes a copy of "K=V"; -EINVAL without '=' or with an empty K, -E2BIG, -ENOMEM. */
int environ_set(struct environ *env, const char *line);

/* The same from its two parts. */
int environ_put(struct environ *env, const char *key, const char *value);

int environ_set_all(struct environ *env, char *const *lines, size_t count);

/* What SETUP said for every command, as session.c keeps it in that folder; nothing before that. */
int environ_add_setup(struct environ *env, const char *folder);

/* The value of key, or NULL. */
const char *environ_get(const struct environ *env, const char *key);

#endif
