/*
 * Reading the references of a git directory that a sandbox writes, without
 * running git in it: loose files and packed-refs, as gitrepository-layout(5) and
 * git-pack-refs(1) have them. Opened beneath the directory and through no
 * symbolic link; what is no regular file, or no whole object name, is not there.
 */
#ifndef GIT_REFS_H
#define GIT_REFS_H

#include <stddef.h>

#include "git/repository.h"

struct buf;
struct err;

enum {
	REFS_HEADS_MAX = 1024,		/* branches that are looked at */
	REFS_PACKED_MAX = 16 * 1048576, /* bytes of packed-refs */
	REFS_DEPTH_MAX = 16,		/* slashes in a name */
};

/* The commit that refs/heads/NAME names. -ENOENT. git_dir: a path of ours. */
int refs_read_branch(const char *git_dir, const char *name, char ret[GIT_OID_MAX + 1],
		     struct err *err);

/*
 * Appends a line for each branch, the stash, and HEAD when it is on no branch: object names, some
 * perhaps twice. -E2BIG when there are more than REFS_HEADS_MAX.
 */
int refs_read_all(const char *git_dir, struct buf *ret, struct err *err);

/*
 * The text of packed-refs: calls visit with each reference's name and object, both weak, until it
 * returns other than 0, which is returned. Lines that are nothing are passed over.
 */
int refs_walk_packed(const char *text, size_t len,
		     int (*visit)(void *context, const char *name, const char *oid), void *context);

/* An object name that ends in a line break or the text's end. -EINVAL. */
int refs_take_oid(const char *text, size_t len, char ret[GIT_OID_MAX + 1]);

#endif
