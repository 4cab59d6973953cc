/*
 * Whole files: read with a limit, written so that a crash leaves the old
 * content or the new, never a part.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

/* Appends the file's content to buf; -EFBIG when it exceeds what buf may hold. */
int file_read(int dir, const char *path, struct buf *buf);

/* Replaces path with len bytes: temporary beside it, fsync, rename, fsync of the folder. */
int file_write(int dir, const char *path, const void *bytes, size_t len, mode_t mode);

/* Makes path and its missing parents, mode for those made. */
int file_make_folders(const char *path, mode_t mode);

/* Removes path and all below it, never through a symbolic link; -ENOENT is success. */
int file_remove_tree(int dir, const char *path);

#endif
