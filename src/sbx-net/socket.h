/*
 * Sockets to the world, as far as seccomp lets this process make them: of the
 * Internet protocols only, never bound, never listening. 0 or -errno.
 */
#ifndef SBX_NET_SOCKET_H
#define SBX_NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"

/*
 * A non-blocking socket of type (SOCK_STREAM, SOCK_DGRAM) that is connected, or for a
 * stream connecting: then it is writable once it is or has failed (socket_error()).
 */
int socket_connect(const struct endpoint *to, int type, int *ret);

/* Why it failed; 0. */
int socket_error(int fd);

/* MSG_PEEK starts offset bytes on; false where the kernel cannot. */
bool socket_peek_at(int fd, size_t offset);

/* close() will reset the connection. */
void socket_reset_at_close(int fd);

/* Whether the host has a way to the address; no packet is sent. */
bool socket_reaches(const struct address *address);

#endif
