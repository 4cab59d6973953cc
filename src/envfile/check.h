/*
 * What must hold of an environment as a whole, which no row of the grammar and no
 * single file can say: what must be there, and what excludes what.
 */
#ifndef ENVFILE_CHECK_H
#define ENVFILE_CHECK_H

#include <jansson.h>

struct err;

/* env: what all files say together. -EINVAL with a sentence. */
int envfile_check(const json_t *env, struct err *err);

#endif
