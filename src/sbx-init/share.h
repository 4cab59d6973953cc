/*
 * The host's folders: one virtio-fs device with an entry for each, mounted
 * once in a hidden place when the first is asked for, and bound from there to
 * wherever the host wants it.
 */
#ifndef SBX_INIT_SHARE_H
#define SBX_INIT_SHARE_H

struct err;
struct guest_message;

/* MOUNT: binds the entry SOURCE on TARGET, making it and its parents; with
 * READ_ONLY and FILE as the flags say. */
int share_mount(const struct guest_message *request, struct err *err);

/* UNMOUNT: -EBUSY while something in the sandbox uses it. */
int share_unmount(const struct guest_message *request, struct err *err);

/*
 * Makes an absolute path, a folder or an empty file, and the folders above
 * it. What is made belongs to the owner of the folder that it is made in.
 */
int share_make_target(const char *path, int is_file, struct err *err);

#endif
