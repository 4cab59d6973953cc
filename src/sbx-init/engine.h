/*
 * The two programs of the Docker Engine. containerd is started first and says itself when
 * it is ready (NOTIFY_SOCKET, sd_notify(3)); then dockerd, with the socket that it is to
 * listen on (LISTEN_FDS, sd_listen_fds(3)). dockerd could start a containerd too, but gives it
 * no more than 15 s.
 */
#ifndef SBX_INIT_ENGINE_H
#define SBX_INIT_ENGINE_H

#include <stdbool.h>

struct engine_config {
	char *const *args;    /* weak; of dockerd, the absolute path of the program first */
	char *const *runtime; /* weak; the same of containerd; NULL: dockerd starts its own */
	unsigned runtime_ms;  /* how long containerd may take to be ready */
	const char *cgroup;   /* weak; folder that they run in, made when missing; NULL: ours */
	const char *log;      /* weak; begun anew with each start */
	const char *run;      /* weak; where SETUP is kept: its variables are for them too */
};

/*
 * Runs the engine until dockerd ends, and containerd after it; whether dockerd ended well. A
 * containerd that was ready and ended is started again, as it keeps nothing in its memory
 * that its containers need. signals is a signalfd of SIGCHLD and SIGTERM, which the
 * calling process blocks: when it is asked to end, so is the engine, and then the process ends.
 */
bool engine_run(const struct engine_config *config, int listener, int signals);

#endif
