/*
 * What within a writable mount the guest may read but not change.
 *
 * First, whatever is a read-only mount itself: a folder or file that the user
 * shares once more, read-only, is so by every way to it. The guest's root could
 * take the inner mount away. Its name stays, too, but folders above it can be
 * moved.
 *
 * Second, of a git repository, the names through which a file becomes a command
 * of whoever runs git on the host. A mount protects its repository when it is writable and, at the
 * time it is mounted, has `.git` in its root or is itself a git directory. From then on, by the
 * inode of the folder and the name in it:
 *
 *   root    .git         stays what it is: not removed, renamed, replaced; a
 *                        file in its place (a linked worktree's) is locked
 *   root    HEAD         locked: with it the tree itself could pose as a
 *                        repository, once `.git` was made invalid
 *   .git    hooks, config, config.worktree, their .lock, commondir   locked
 *
 * Locked means: the name can be neither made nor unmade, and the inode and all
 * beneath it are read-only (-EROFS), under every name that it has. The marks
 * are on nodes (node.h), set when a node is found and kept for its life, so what
 * the guest forgets, or the host renames, is marked again by its new name. The
 * config.lock is included because a guest that holds it open while the host's
 * git fills it would write to what becomes the config. Names are compared
 * without case, for hosts whose folders are so.
 *
 * Left to the guest, on purpose: all else in `.git` (commits, refs, the index,
 * stashes, rebases); info/attributes, which only picks among the drivers that
 * the config defines, and .gitattributes in the tree can do that, too; and a
 * repository that the guest makes itself, until the next start. Not covered:
 * repositories nested in the tree and the git directories in .git/modules and
 * .git/worktrees, which `git submodule` and `git worktree` must write; a hook
 * that is a symbolic link, or a core.hooksPath, into the tree; and a mount that
 * holds the folder of another. What enters there is for a review to find.
 */
#ifndef FS_PROTECT_H
#define FS_PROTECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct fs;
struct mount;
struct node;

enum { PROTECT_LINKED_MAX = 64 };

/* Locked files that had a second name when their mount came: it is locked, too. */
struct protect {
	struct {
		uint64_t device, inode; /* as in struct node_identity */
	} linked[PROTECT_LINKED_MAX];
	size_t count;
	bool every; /* there are more: every file with a second name is read-only */
};

/* Looks at a writable mount's own folder, of which fd is a descriptor, and marks its node. */
void protect_mount(struct fs *fs, struct node *root, int fd);

/* Marks what of a mount that was just added, read-only, is known within others. */
void protect_read_only(struct fs *fs, const struct mount *mount);

/* Marks a node that was just found as folder/name; name NULL: it has none. */
void protect_found(const struct fs *fs, const struct node *folder, const char *name,
		   const struct statx *found, struct node *node);

/* Whether nobody may make, remove or replace that name in the folder. */
bool protect_is_pinned(struct fs *fs, const struct node *folder, const char *name);

#endif
