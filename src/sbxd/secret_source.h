/*
 * Where a secret's value comes from when it is not kept: a command of the
 * user's, or a reference that a program resolves. The program runs as the user, with the daemon's
 * environment, in a fresh folder that is removed afterwards; it gets no input,
 * and has a minute. What it prints, trimmed, is the value.
 *
 *	--command TEXT		/bin/sh -c TEXT
 *	--ref op://…		op read --no-newline REF
 *	--ref arn:aws:secretsmanager:…
 *				aws secretsmanager get-secret-value --secret-id REF …
 *	--ref NAME://…		sbx-ref-NAME REF, a program of the user's
 */
#ifndef SBXD_SECRET_SOURCE_H
#define SBXD_SECRET_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum { SECRET_SOURCE_MAX = 4096 }; /* bytes of a command or reference */

/* One of both is NULL. */
struct secret_source {
	const char *command, *ref;
};

/* Whether a reference is of a form that is known; -EINVAL and a sentence. */
int secret_source_check(const struct secret_source *source, struct err *err);

/*
 * The value, NUL-terminated, in sodium_malloc() memory, owned by the caller.
 * The sentence holds what the program said on stderr only with show_error: it
 * may hold secrets. -ENOENT: no such program; -ETIMEDOUT; -EINVAL: it failed,
 * or what it printed can be no value.
 */
int secret_source_ask(const struct secret_source *source, bool show_error, char **ret,
		      size_t *ret_len, struct err *err);

/* Takes blanks and newlines off both ends, in place; the new length. */
size_t secret_source_trim(char *text, size_t len);

#endif
