/*
 * Doing what an environment says, once the user agreed: its commands on this
 * machine, and sbx itself with the words that the files stand for.
 */
#ifndef SBX_ENVIRONMENT_RUN_H
#define SBX_ENVIRONMENT_RUN_H

struct environment;
struct err;

/*
 * Runs the commands of a phase ("initialize", "postCreate", "preRemove") on this machine, one
 * after the other. -EIO at the first one that fails.
 */
int environment_commands(const struct environment *environment, const char *phase, struct err *err);

/* `sbx create` and `sbx secret set`; the exit status of the first that fails, or 0. */
int environment_create(const struct environment *environment, struct err *err);

/* `sbx run` on the sandbox, with the present variables; its exit status. more ends with NULL. */
int environment_attach(const struct environment *environment, const char *option,
		       const char *const *more, struct err *err);

/* `sbx` with these words; its exit status. */
int environment_self(const char *const *words, const char *input, const char *extra,
		     struct err *err);

#endif
