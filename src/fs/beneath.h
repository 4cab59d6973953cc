/*
 * One name beneath one folder: the only ways in which a descriptor is obtained.
 *
 * Names come from the guest, so they are single components (name_is_valid), and
 * the folder is a descriptor that is held. openat2(2) with RESOLVE_BENEATH,
 * RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS makes the kernel refuse what a
 * concurrent rename could slip in between. A held descriptor is opened anew,
 * with other rights, through the folder /proc/self/fd, of which a descriptor
 * was taken before the process gave up its view of the file system.
 */
#ifndef FS_BENEATH_H
#define FS_BENEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

enum { BENEATH_NAME_MAX = 255 };

/* Neither empty nor "." nor "..", no '/', at most BENEATH_NAME_MAX bytes. */
bool name_is_valid(const char *name);

/* Opens folder/name; O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK and O_NOCTTY are added. -errno. */
int beneath_open(int folder, const char *name, int flags, mode_t mode);

/* Attributes and birth time of folder/name, a link itself, not what it points to. */
int beneath_stat(int folder, const char *name, struct statx *ret);

/* The same of a descriptor, O_PATH ones too. */
int beneath_stat_fd(int fd, struct statx *ret);

/* A new descriptor of the same inode, opened with flags. Not for O_PATH of symbolic links. */
int beneath_reopen(int proc_fd, int fd, int flags);

/* The name of fd in /proc/self/fd, for calls that take (proc_fd, name) and follow it. */
enum { BENEATH_FD_NAME_SIZE = 12 };
void beneath_fd_name(int fd, char ret[BENEATH_FD_NAME_SIZE]);

#endif
