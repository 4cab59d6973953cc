/*
 * The host's SSH agent in the guest: a Unix socket whose connections are relayed
 * to a port of the gateway. What may be asked of the agent is judged on the host.
 */
#ifndef SBX_INIT_SSHAGENT_H
#define SBX_INIT_SSHAGENT_H

#include <sys/types.h>

struct err;

#define SSHAGENT_SOCKET "/run/ssh-agent.sock"

/* Listens at the path, for that user alone, and serves in a process of its own, for ever. */
int sshagent_start(const char *path, uid_t uid, gid_t gid, struct err *err);

#endif
