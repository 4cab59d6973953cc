/*
 * A command on this machine that the user agreed to, with the terminal of this
 * process: the lifecycle commands of an environment, and sbx itself.
 */
#ifndef SBX_HOSTRUN_H
#define SBX_HOSTRUN_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct hostrun {
	const char *const *command;   /* strings and a NULL; the first is looked for in PATH */
	const char *program;	      /* NULL: the first of command */
	const char *folder;	      /* NULL: the current one */
	const char *const *variables; /* "K=V" and a NULL, added to the environment; NULL */
	const char *input;	      /* its standard input; NULL: that of this process */
	const char *extra;	      /* what it finds at descriptor 3; NULL: nothing */
	uint64_t timeout_s;	      /* 0: none */
};

/* Its exit status, 128 plus the signal that ended it, or 124 when its time was up. */
int hostrun(const struct hostrun *what, struct err *err);

#endif
