/*
 * Pid 1's own loop: takes connections, gives each to a session in a process of
 * its own, reaps every child of the machine, and tells watchers how many
 * detached execs run. It never blocks and parses nothing from outside.
 */
#ifndef SBX_INIT_AGENT_H
#define SBX_INIT_AGENT_H

#include <stdbool.h>

#include "base/err.h"

struct machine;
struct places;

enum {
	AGENT_SESSIONS_MAX = 256, /* connections and detached execs; more wait to be accepted */
	AGENT_WATCHERS_MAX = 16,
};

struct agent_config {
	int listener; /* weak; listening and non-blocking: vsock, or a Unix socket in tests */
	const struct machine *machine;
	const struct places *places;
};

enum agent_end { AGENT_SHUTDOWN, AGENT_REBOOT };

/* Runs until the host asks for the machine's end. -errno when it cannot even start. */
int agent_run(const struct agent_config *config, struct err *err, enum agent_end *ret);

#endif
