/*
 * open_tree(2) clones only what is in the caller's mount namespace, and wants rights
 * over that namespace. A descriptor does not move into a new namespace, but the working
 * folder does: so a child makes the folder its working folder, takes namespaces of its
 * own, clones "." and sends the clone back.
 *
 * The child's end sends no signal, so nobody else reaps it.
 */
#include "jail/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "jail/clone.h"

struct wish {
	int fd;
	bool read_only;
	bool is_folder;
	struct stat is;
	char link[32];	     /* fd's name below /proc */
	char path[PATH_MAX]; /* of a file: where it is */
	const char *name;    /* of a file, in its folder */
};

/* The working folder becomes the folder itself, or the one that holds the file. */
static int go_there(struct wish *wish)
{
	ssize_t len;
	char *slash;

	if (wish->is_folder)
		return fchdir(wish->fd) < 0 ? -errno : 0;
	len = readlink(wish->link, wish->path, sizeof(wish->path) - 1);
	if (len < 0)
		return -errno;
	wish->path[len] = '\0';
	slash = strrchr(wish->path, '/');
	if (slash == NULL)
		return -ESTALE;
	wish->name = slash + 1;
	*slash = '\0';
	return chdir(slash == wish->path ? "/" : wish->path) < 0 ? -errno : 0;
}

static int clone_mount(const struct wish *wish, int *ret)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						     MOUNT_ATTR_NOEXEC };
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW;
	autoclose int tree = -1;
	struct stat is;

	if (wish->read_only)
		attributes.attr_set |= MOUNT_ATTR_RDONLY;
	tree = wish->is_folder ? open_tree(AT_FDCWD, "", flags | AT_EMPTY_PATH)
			       : open_tree(AT_FDCWD, wish->name, flags);
	if (tree < 0 || fstat(tree, &is) < 0)
		return -errno;
	if (is.st_dev != wish->is.st_dev || is.st_ino != wish->is.st_ino)
		return -ESTALE;
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) <
	    0)
		return -errno;
	*ret = take_fd(&tree);
	return 0;
}

/* Sends 0 and the mount, or why there is none. */
_Noreturn static void confine_child(struct wish *wish, int socket)
{
	int tree = -1;
	int32_t r = go_there(wish);

	if (r == 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		r = -errno;
	if (r == 0)
		r = clone_mount(wish, &tree);
	(void)fd_send(socket, &r, sizeof(r), &tree, r == 0 ? 1 : 0);
	_exit(0);
}

static int receive(int socket, int *ret)
{
	autoclose int tree = -1;
	size_t count = 1;
	int32_t code;
	ssize_t n = fd_recv(socket, &code, sizeof(code), &tree, &count);

	if (n != sizeof(code))
		return n < 0 ? (int)n : -ECHILD;
	if (code == 0 && count == 0)
		return -EPROTO;
	if (code == 0)
		*ret = take_fd(&tree);
	return code;
}

int jail_confine(int fd, bool read_only, int *ret)
{
	struct wish wish = { .fd = fd, .read_only = read_only };
	autoclose int near = -1, far = -1, pidfd = -1;
	int pair[2], r;
	pid_t pid;

	if (fstat(fd, &wish.is) < 0)
		return -errno;
	wish.is_folder = S_ISDIR(wish.is.st_mode);
	(void)snprintf(wish.link, sizeof(wish.link), "/proc/self/fd/%d", fd);
	r = fd_socketpair(pair);
	if (r < 0)
		return r;
	near = pair[0];
	far = pair[1];
	pid = jail_clone(0, 0, &pidfd);
	if (pid == 0)
		confine_child(&wish, far);
	if (pid < 0)
		return pid;
	(void)close(take_fd(&far)); /* a child that died ends the wait */
	r = receive(near, ret);
	(void)waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t){ 0 }, WEXITED | __WALL);
	return r;
}
