/*
 * A program that is asked for a secret, or told one: started by its argument
 * vector as the user, with the daemon's environment, default signals and a
 * process group of its own, in a fresh folder that is removed afterwards. What
 * it prints lies in locked memory. It has a minute.
 */
#ifndef SBXD_SECRET_PROGRAM_H
#define SBXD_SECRET_PROGRAM_H

#include <stddef.h>

enum {
	SECRET_PROGRAM_MS = 60000,
	SECRET_PROGRAM_INPUT_MAX = 60000, /* bytes: what a pipe takes at once */
	SECRET_COMPLAINT_MAX = 512,
};

/* All weak. */
struct secret_program {
	const char *const *argv; /* the program is sought in PATH */
	const char *input;	 /* its standard input; NULL: none */
	size_t input_len;
	size_t output_max; /* bytes; more is a failure */
};

struct secret_output {
	char *text; /* owned, sodium_malloc(); NUL-terminated */
	size_t len;
	char complaint[SECRET_COMPLAINT_MAX]; /* of its stderr, the beginning; may hold secrets */
	size_t complaint_len;
};

/*
 * Runs it to its end. *ret is to be finished, also after a failure: -ENOENT,
 * no such program; -ETIMEDOUT; -EMSGSIZE; -EINVAL, its exit status was not 0.
 */
int secret_program_run(const struct secret_program *program, struct secret_output *ret);
void secret_output_finish(struct secret_output *output); /* wipes */

#endif
