/*
 * The sandbox's private Docker Engine. It costs nothing until the first program
 * connects to its socket: that starts dockerd, which is handed the socket with the
 * connection still waiting in it (LISTEN_FDS, as systemd does it). When dockerd
 * ends, the next connection starts it again; when it fails it gets a second try, and
 * then who waits is turned away.
 */
#ifndef SBX_INIT_DOCKER_H
#define SBX_INIT_DOCKER_H

#include <sys/types.h>

struct err;

#define DOCKER_SOCKET "/run/docker.sock"

struct docker_config {
	const char *socket; /* weak; made with mode 0660 */
	gid_t gid;	    /* of the group that may use the engine, which makes it root */
	char *const *args;  /* weak; of dockerd, the absolute path of the program first */
	const char *cgroup; /* weak; folder that dockerd runs in, made when missing; NULL: ours */
	const char *log;    /* weak; begun anew with each start of dockerd */
	const char *run;    /* weak; where SETUP is kept: its variables are for dockerd too */
};

/*
 * Waits for connections in a process of its own; *ret_process is its pidfd, owned by the
 * caller, or -1 when there is no such program.
 */
int docker_start(const struct docker_config *config, struct err *err, int *ret_process);

/* Asks dockerd to stop its containers and end, and waits a few seconds for it. -1: nothing. */
void docker_stop(int process);

#endif
