/* Who a command runs as: the guest's passwd and group files, read by ourselves. */
#ifndef SBX_INIT_USER_H
#define SBX_INIT_USER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct places;

enum { USER_GROUPS_MAX = 64, USER_TEXT_MAX = 256 };

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX]; /* gid among them */
	size_t groups_count;
	char name[USER_TEXT_MAX];
	char home[USER_TEXT_MAX];
	char shell[USER_TEXT_MAX];
};

/*
 * Finds "USER[:GROUP]", names or numbers. A number that no line has is a user
 * without name, home "/". -EPERM with a sentence for an unknown name.
 */
int user_find(const struct places *places, const char *spec, struct err *err, struct user *ret);

/* Becomes that user for good: groups, then gid, then uid. -errno. */
int user_become(const struct user *user);

#endif
