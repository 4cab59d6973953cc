/*
 * Descriptors: whole reads and writes, passing them over Unix sockets, and
 * Unix sockets at paths of any length. All descriptors made here are
 * close-on-exec. Every function returns 0 (or what it says) or -errno.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { FD_PASS_MAX = 16 }; /* descriptors one message may carry */

/* Reads until len bytes or end of file; returns the bytes read. */
ssize_t fd_read_full(int fd, void *to, size_t len);

/* Writes all len bytes. */
int fd_write_full(int fd, const void *from, size_t len);

/* A file in memory that holds the bytes, to be read from its start; the caller owns it. */
int fd_from_bytes(const void *bytes, size_t len);

/*
 * First thing in main(): where standard input, output or error is closed, /dev/null stands in for
 * reading, so that nothing that is opened later is taken for one of them. Writing there is -EBADF.
 */
void fd_hold_standard(void);

int fd_set_nonblock(int fd, bool on);
int fd_set_cloexec(int fd, bool on);

/* A connected pair of Unix stream sockets. */
int fd_socketpair(int ret[2]);

/* Sends bytes with count descriptors (0..FD_PASS_MAX) attached to the first; returns bytes sent. */
ssize_t fd_send(int socket, const void *bytes, size_t len, const int *fds, size_t count);

/*
 * Receives up to len bytes and up to *count descriptors; *count becomes how
 * many came, which the caller then owns. More than fit: all are closed,
 * -EMFILE. Returns bytes received, 0 at the end.
 */
ssize_t fd_recv(int socket, void *to, size_t len, int *ret_fds, size_t *count);

/* Listens at path (any length; an old socket there is replaced), mode 0600. */
int fd_listen_unix(const char *path, int *ret);

/* Connects to a Unix socket at path (any length). */
int fd_connect_unix(const char *path, int *ret);

#endif
