/*
 * Doing what an environment says, once the user agreed: its commands on this
 * machine, and sbx itself with the words that the files stand for.
 */
#ifndef SBX_ENVIRONMENT_RUN_H
#define SBX_ENVIRONMENT_RUN_H

#include <stdbool.h>

struct client;
struct environment;
struct err;

/*
 * Runs the commands of a phase ("initialize", "postCreate", "preRemove") on this machine, one
 * after the other. -EIO at the first one that fails.
 */
int environment_commands(const struct environment *environment, const char *phase, struct err *err);

/*
 * Bindings, `sbx secret set`, without what commands print if they are to be skipped, and `sbx
 * create`; the exit status of the first that fails, or 0. Then nothing is left but the bindings.
 */
int environment_create(struct client *client, const struct environment *environment,
		       bool skip_commands, struct err *err);

/* Takes the sandbox and its secrets away again. */
void environment_undo(struct client *client, const struct environment *environment);

/* `sbx run` on the sandbox, with the present variables; its exit status. more ends with NULL. */
int environment_attach(const struct environment *environment, const char *option,
		       const char *const *more, struct err *err);

/* `sbx` with these words; its exit status. */
int environment_self(const char *const *words, const char *input, const char *extra,
		     struct err *err);

#endif
