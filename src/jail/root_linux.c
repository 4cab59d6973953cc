/*
 * A root without a host in it.
 *
 * A fresh tmpfs is mounted over "/" and becomes the root by pivot_root(2); the
 * old root, then stacked on the new one, is detached. Nothing has a path any
 * more; descriptors opened before keep working. The mount namespace is ours
 * alone (spawn.h), so the host sees none of it.
 *
 * Binds are cloned as whole trees (what is mounted beneath comes along) and get
 * their read-only, nosuid, nodev attributes before they are attached: there is
 * no moment in which they are writable.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "jail/spawn.h"
#include "jail/steps.h"

struct tmpfs_limits {
	const char *size;   /* bytes; "0" would mean no limit */
	const char *inodes; /* the root folder is one */
};

static int set_option(int context, const char *key, const char *value)
{
	return fsconfig(context, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

/* A tmpfs that is mounted nowhere yet. */
static int make_tmpfs(const struct tmpfs_limits *limits, unsigned attributes, int *ret)
{
	autoclose int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int mount, r;

	if (context < 0)
		return -errno;
	r = set_option(context, "size", limits->size);
	if (r == 0)
		r = set_option(context, "nr_inodes", limits->inodes);
	if (r == 0)
		r = set_option(context, "mode", "0555");
	if (r < 0)
		return r;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mount = fsmount(context, FSMOUNT_CLOEXEC, attributes);
	if (mount < 0)
		return -errno;
	*ret = mount;
	return 0;
}

static int attach(int mount, int dir, const char *path)
{
	return move_mount(mount, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* Puts the tmpfs over "/"; what happens to it does not reach the host's mounts. */
static int attach_over_root(int mount)
{
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE,
			  &(struct mount_attr){ .propagation = MS_PRIVATE },
			  sizeof(struct mount_attr)) < 0)
		return -errno;
	return attach(mount, AT_FDCWD, "/");
}

/* pivot_root(2), NOTES: with "." twice the old root lies over the new one. */
static int pivot_to(int root)
{
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int step_root_empty(void)
{
	static const struct tmpfs_limits least = { .size = "4096", .inodes = "1" };
	autoclose int root = -1;
	int r;

	r = make_tmpfs(&least,
		       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		       &root);
	if (r == 0)
		r = attach_over_root(root);
	return r == 0 ? pivot_to(root) : r;
}

/* A device node keeps its use: whoever lists one as a bind wants it opened. */
static int clone_tree(const struct jail_bind *bind, int *ret)
{
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_NOSUID |
			    (bind->writable ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_RDONLY),
	};
	autoclose int tree = open_tree(AT_FDCWD, bind->source,
				       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	struct stat stat;

	if (tree < 0 || fstat(tree, &stat) < 0)
		return -errno;
	if (!S_ISCHR(stat.st_mode))
		attributes.attr_set |= MOUNT_ATTR_NODEV;
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) <
	    0)
		return -errno;
	*ret = take_fd(&tree);
	return 0;
}

static int make_parents(int root, char *path)
{
	for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(root, path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/* An empty folder or file for a tree to be mounted on. */
static int make_mount_point(int root, char *path, int tree)
{
	struct stat stat;
	int fd, r;

	r = make_parents(root, path);
	if (r < 0)
		return r;
	if (fstat(tree, &stat) < 0)
		return -errno;
	if (S_ISDIR(stat.st_mode))
		return mkdirat(root, path, 0755) < 0 && errno != EEXIST ? -errno : 0;
	fd = openat(root, path, O_CREAT | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

static int attach_bind(int root, int tree, const char *target)
{
	char path[PATH_MAX];
	size_t len = strlen(target);
	int r;

	if (target[0] != '/' || len < 2 || len > sizeof(path))
		return -EINVAL;
	memcpy(path, target + 1, len); /* with the NUL */
	r = make_mount_point(root, path, tree);
	return r == 0 ? attach(tree, root, path) : r;
}

/* Clones every source while the host's root is still there; -1 ends the list. */
static int clone_trees(const struct jail_bind *binds, int trees[STEP_BINDS_MAX + 1])
{
	size_t count = 0;
	int r = 0;

	for (; r == 0 && binds[count].source != NULL; count += r == 0)
		r = count < STEP_BINDS_MAX ? clone_tree(&binds[count], &trees[count]) : -E2BIG;
	trees[count] = -1;
	return r;
}

static int fill_root(int root, const struct jail_bind *binds, const int *trees)
{
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	int r = 0;

	for (size_t i = 0; r == 0 && trees[i] >= 0; i++)
		r = attach_bind(root, trees[i], binds[i].target);
	if (r == 0 && mount_setattr(root, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) < 0)
		r = -errno;
	return r;
}

int step_root_binds(const struct jail_bind *binds)
{
	static const struct tmpfs_limits small = { .size = "65536", .inodes = "256" };
	int trees[STEP_BINDS_MAX + 1];
	autoclose int root = -1;
	int r;

	r = clone_trees(binds, trees);
	if (r == 0)
		r = make_tmpfs(&small, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, &root);
	if (r == 0)
		r = attach_over_root(root);
	if (r == 0)
		r = fill_root(root, binds, trees);
	for (size_t i = 0; trees[i] >= 0; i++)
		(void)close(trees[i]);
	return r == 0 ? pivot_to(root) : r;
}
