#include "fs/protect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <strings.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "fs/beneath.h"
#include "fs/session.h"

enum { DEPTH_MAX = 8 }; /* folders within folders of hooks; what lies deeper counts as linked */

static const struct protected_name {
	const char *name;
	unsigned in;   /* enum node_flags of the folder */
	unsigned gets; /* of a folder under that name */
} names[] = {
	{ ".git", NODE_REPOSITORY, NODE_GIT },
	{ "HEAD", NODE_REPOSITORY, NODE_LOCKED },
	{ "hooks", NODE_GIT, NODE_LOCKED },
	{ "config", NODE_GIT, NODE_LOCKED },
	{ "config.lock", NODE_GIT, NODE_LOCKED },
	{ "config.worktree", NODE_GIT, NODE_LOCKED },
	{ "config.worktree.lock", NODE_GIT, NODE_LOCKED },
	{ "commondir", NODE_GIT, NODE_LOCKED },
};

static const struct protected_name *row_of(const struct node *folder, const char *name)
{
	for (size_t i = 0; i < countof(names); i++)
		if ((folder->flags & names[i].in) != 0 && strcasecmp(names[i].name, name) == 0)
			return &names[i];
	return NULL;
}

/* Whether the inode is what a read-only mount shares. */
static bool is_read_only_mount(const struct fs *fs, const struct node_identity *is)
{
	unsigned left = fs->mounts.read_only;

	for (const struct mount *mount = fs->mounts.slot; left > 0; mount++) {
		if (mount->name[0] == '\0' || !mount->read_only)
			continue;
		if (mount->is.inode == is->inode && mount->is.device == is->device)
			return true;
		left--;
	}
	return false;
}

bool protect_is_pinned(struct fs *fs, const struct node *folder, const char *name)
{
	const struct node *node;

	if (row_of(folder, name) != NULL)
		return true;
	node = node_named(fs, folder, name);
	return node != NULL && is_read_only_mount(fs, &node->is);
}

static bool is_linked(const struct protect *protect, const struct node_identity *is)
{
	for (size_t i = 0; i < protect->count; i++)
		if (protect->linked[i].device == is->device &&
		    protect->linked[i].inode == is->inode)
			return true;
	return protect->every;
}

void protect_found(const struct fs *fs, const struct node *folder, const char *name,
		   const struct statx *found, struct node *node)
{
	const struct protected_name *row = name != NULL ? row_of(folder, name) : NULL;

	node->flags |= folder->flags & NODE_LOCKED;
	if (name != NULL && is_read_only_mount(fs, &node->is))
		node->flags |= NODE_LOCKED;
	if (row != NULL)
		node->flags |= S_ISDIR(node->is.type) ? row->gets : NODE_LOCKED;
	if (S_ISREG(node->is.type) && found->stx_nlink > 1 && is_linked(&fs->protect, &node->is))
		node->flags |= NODE_LOCKED;
}

/* Whether the node, or a folder above it as far as is known, is that inode. */
static bool is_within(struct fs *fs, const struct node *node, const struct node_identity *is)
{
	for (unsigned depth = 0; node != NULL && node->name != NULL && depth < PATH_MAX; depth++) {
		if (node->is.inode == is->inode && node->is.device == is->device)
			return true;
		node = node_of(fs, node->folder);
	}
	return false;
}

void protect_read_only(struct fs *fs, const struct mount *mount)
{
	for (uint32_t slot = 1; slot < fs->nodes.slots; slot++) {
		struct node *node = node_at(fs, slot);

		if (node != NULL && is_within(fs, node, &mount->is))
			node->flags |= NODE_LOCKED;
	}
}

static void note_linked(struct protect *protect, const struct statx *found)
{
	struct node_identity is = node_identify(found, 0);

	if (!S_ISREG(found->stx_mode) || found->stx_nlink < 2 || is_linked(protect, &is))
		return;
	if (protect->count == PROTECT_LINKED_MAX) {
		protect->every = true;
		return;
	}
	protect->linked[protect->count].device = is.device;
	protect->linked[protect->count++].inode = is.inode;
}

static void scan_name(struct protect *protect, int folder, const char *name, int depth);

/* What cannot be listed is taken to hold files with second names. */
static void scan_folder(struct protect *protect, int folder, const char *name, int depth)
{
	int fd = depth < DEPTH_MAX ? beneath_open(folder, name, O_RDONLY | O_DIRECTORY, 0) : -ELOOP;
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (listing == NULL) {
		protect->every = true;
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while (!protect->every && (entry = readdir(listing)) != NULL)
		if (name_is_valid(entry->d_name))
			scan_name(protect, dirfd(listing), entry->d_name, depth + 1);
	(void)closedir(listing);
}

static void scan_name(struct protect *protect, int folder, const char *name, int depth)
{
	struct statx found;

	if (beneath_stat(folder, name, &found) < 0)
		return;
	if (S_ISDIR(found.stx_mode))
		scan_folder(protect, folder, name, depth);
	else
		note_linked(protect, &found);
}

static void scan_names(struct protect *protect, int folder, unsigned in)
{
	for (size_t i = 0; i < countof(names); i++)
		if (names[i].in == in && names[i].gets == NODE_LOCKED)
			scan_name(protect, folder, names[i].name, 0);
}

static bool has(int folder, const char *name, mode_t type)
{
	struct statx found;

	return beneath_stat(folder, name, &found) == 0 && (found.stx_mode & S_IFMT) == type;
}

/* What git itself asks of a folder before it believes that it is a repository. */
static bool is_git_folder(int fd)
{
	return has(fd, "objects", S_IFDIR) && has(fd, "refs", S_IFDIR) &&
	       (has(fd, "HEAD", S_IFREG) || has(fd, "HEAD", S_IFLNK));
}

void protect_mount(struct fs *fs, struct node *root, int fd)
{
	struct statx found;
	autoclose int git = -1;

	if (!S_ISDIR(root->is.type))
		return;
	if (beneath_stat(fd, ".git", &found) == 0) {
		root->flags |= NODE_REPOSITORY;
		scan_names(&fs->protect, fd, NODE_REPOSITORY);
		note_linked(&fs->protect, &found);
		git = beneath_open(fd, ".git", O_PATH | O_DIRECTORY, 0);
		if (git >= 0)
			scan_names(&fs->protect, git, NODE_GIT);
	} else if (is_git_folder(fd)) {
		root->flags |= NODE_GIT;
		scan_names(&fs->protect, fd, NODE_GIT);
	}
}
