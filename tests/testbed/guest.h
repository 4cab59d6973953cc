/*
 * A guest of its own under the kvm engine, without sbxd: for what is booted for
 * its kernel's or its disk's sake.
 */
#ifndef TESTS_TESTBED_GUEST_H
#define TESTS_TESTBED_GUEST_H

#include "engine/engine.h"

enum { GUEST_PATIENCE_MS = 300000, GUEST_CONSOLE_MAX = 1 << 20 };

struct guest {
	char folder[32], control[64], console_path[64];
	int listen, console;
	struct spawned child;
	struct engine_vm vm;
	char text[GUEST_CONSOLE_MAX]; /* what the console said */
	size_t len, seen;	      /* of it; and how far guest_follow() looked */
};

/*
 * Starts it and waits until it runs; control path, console and messages of the config are
 * filled in. On failure nothing of it is left.
 */
int guest_start(struct guest *guest, struct engine_config *config, struct err *err);

/*
 * Shows on stdout what the console says, until it says `line` behind where the last call
 * found its line (NULL: until it ends). -EPIPE: it ended before, -ETIMEDOUT, -EMSGSIZE.
 */
int guest_follow(struct guest *guest, const char *line);

/* Ends it, if it runs, and forgets it. */
void guest_finish(struct guest *guest);

#endif
