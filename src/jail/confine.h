/*
 * A descriptor of a folder or file that leads nowhere but down.
 *
 * A plain descriptor belongs to the host's mount table: whoever holds it opens
 * ".." and walks up to the root. jail_confine() gives the same folder as the root of a
 * mount that is attached nowhere (open_tree(2), OPEN_TREE_CLONE): ".." of its root is
 * its root. What is mounted inside comes along; nothing of it can be executed, no
 * device node opened and, read_only, nothing written, whoever asks. The mount lives as
 * long as the descriptor does, in whatever process.
 *
 * What the host mounts inside later is not seen on kernels before 6.15. It works for
 * an ordinary user, in a user namespace that is made for it and ends with the call.
 */
#ifndef JAIL_CONFINE_H
#define JAIL_CONFINE_H

#include <stdbool.h>

/*
 * fd (any, O_PATH too) stays the caller's; *ret is O_PATH and close-on-exec. A file is
 * looked up again in its folder: -ESTALE when that is another one by now. -EPERM,
 * -ENOSPC and -ENOSYS: this host refuses user namespaces. -EINVAL: the mount is marked
 * "unbindable". -EPERM also: a mount inside is.
 */
int jail_confine(int fd, bool read_only, int *ret);

#endif
