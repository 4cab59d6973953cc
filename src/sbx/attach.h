/*
 * A command in a sandbox, attached to this process: what exec and run do once
 * the sandbox is there.
 */
#ifndef SBX_ATTACH_H
#define SBX_ATTACH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sbx/env.h"

struct client;
struct err;

struct attach_config {
	const json_t *sandbox;	    /* its object; weak */
	const char *const *command; /* strings and a NULL; weak */
	const struct env *env;
	const char *folder; /* where it runs; NULL: the workspace */
	const char *user;   /* USER[:GROUP]; NULL: agent */
	bool interactive;   /* stdin goes to the command */
	bool terminal;	    /* it gets a terminal */
	bool privileged;    /* it runs as root */
	uint64_t timeout_s; /* how long it may run; 0: for ever */
};

/*
 * Runs it. *ret_status is what this process should exit with: the command's
 * status; 124 when its time was up; 126 or 127 when it cannot be run or is not there, after the
 * reason was printed. -errno with a sentence when the session failed.
 */
int attach_run(struct client *client, const struct attach_config *config, int *ret_status,
	       struct err *err);

/* Says that --detach-keys has no effect: sessions cannot be left and the command go on. */
void attach_warn_keys(void);

#endif
