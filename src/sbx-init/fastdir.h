/*
 * Folders of the workspace that lie on the sandbox's own disk: what is built
 * there (node_modules, target) is no affair of the host's.
 */
#ifndef SBX_INIT_FASTDIR_H
#define SBX_INIT_FASTDIR_H

struct err;
struct guest_message;

/*
 * FAST_DIR: mounts /var/lib/sbx/fast/SOURCE on TARGET/SOURCE. Both are made where they are
 * missing, and belong to whom the one in the workspace belongs to. -ENOTDIR where that is
 * a file or a symbolic link.
 */
int fastdir_mount(const struct guest_message *request, struct err *err);

#endif
