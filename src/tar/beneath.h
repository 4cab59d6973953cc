/*
 * Names below a folder descriptor, resolved by openat2 so that neither ".."
 * nor a symbolic link anywhere in the path leads elsewhere, not even one that
 * is put there while we look.
 */
#ifndef TAR_BENEATH_H
#define TAR_BENEATH_H

/*
 * Opens path, relative and in the form of tar/entry.h, with these flags
 * (O_CLOEXEC is added); "" is root itself. -ELOOP at a symbolic link.
 */
int beneath_open(int root, const char *path, int flags, int *ret);

/*
 * Opens the folder that holds path for use as a directory descriptor;
 * *ret_base is path's last part. -ENOENT when that folder is missing.
 */
int beneath_open_parent(int root, const char *path, int *ret, const char **ret_base);

#endif
