/*
 * Where sbxd is, and starting it.
 */
#ifndef SBX_DAEMON_H
#define SBX_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/*
 * The path of sbxd's socket (docs/api.md), owned by the caller: below
 * XDG_RUNTIME_DIR or /tmp, with SBX_APP_NAME in it. NULL without memory.
 */
char *daemon_socket_path(void);

/* The path of sbxd's log, owned by the caller; NULL when it is not known. */
char *daemon_log_path(void);

/*
 * Runs `sbxd --detach`, which ends when a daemon answers on the socket, also
 * one that somebody else started meanwhile. Says so on stderr when there is a
 * person to read it, unless quiet. policy: the preset it begins with when none was chosen, or NULL.
 */
int daemon_start(bool quiet, const char *policy, struct err *err);

/* Becomes the daemon, in the foreground; returns only when that failed. */
int daemon_become(const char *policy, struct err *err);

/* Whether the other end of a connected socket is this user or root: 0, -EPERM with a sentence. */
int daemon_check_peer(int socket, const char *path, struct err *err);

#endif
