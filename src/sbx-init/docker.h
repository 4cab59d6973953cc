/*
 * The sandbox's private Docker Engine. It costs nothing until the first program
 * connects to its socket: that starts the engine (engine.h), which is handed the socket with
 * the connection still waiting in it. When dockerd ends, the next connection starts it
 * again; when the engine fails, who waits is turned away.
 */
#ifndef SBX_INIT_DOCKER_H
#define SBX_INIT_DOCKER_H

#include <sys/types.h>

#include "sbx-init/engine.h"

struct err;

#define DOCKER_SOCKET "/run/docker.sock"

struct docker_config {
	const char *socket; /* weak; made with mode 0660 */
	gid_t gid;	    /* of the group that may use the engine, which makes it root */
	struct engine_config engine;
};

/*
 * Waits for connections in a process of its own; *ret_process is its pidfd, owned by the
 * caller, or -1 when there is no dockerd.
 */
int docker_start(const struct docker_config *config, struct err *err, int *ret_process);

/* Asks the engine to stop its containers and end, and waits a few seconds for it. -1: nothing. */
void docker_stop(int process);

#endif
