/* A command in a sandbox, for `sbx exec` and `sbx env exec`. */
#ifndef SBX_EXEC_H
#define SBX_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "app/options.h"

struct err;

struct exec_options {
	bool detach, interactive, terminal, privileged;
	const char *user, *folder; /* NULL: agent; the workspace */
	const char *detach_keys;   /* NULL: not said */
	uint64_t timeout_s;	   /* 0: none */
	struct option_list env, env_files;
};

extern const struct option exec_option_rows[];

/*
 * Runs it, in a sandbox that is started when need be; command ends with NULL. Its exit status, or
 * -errno; detached, 0 once its id is printed.
 */
int exec_run(const struct invocation *invocation, const char *name,
	     const struct exec_options *options, const char *const *command, struct err *err);

#endif
