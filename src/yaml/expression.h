/*
 * Expressions in text: ${{ NAME }} stands for a value, $${{ for ${{ itself.
 *
 * A NAME is [A-Za-z_] and then any of [A-Za-z0-9_.-], with blanks around it
 * as you like. Values are put in as they are, never looked through again, so
 * nothing grows by itself.
 */
#ifndef YAML_EXPRESSION_H
#define YAML_EXPRESSION_H

#include <stddef.h>

struct buf;
struct err;

enum { EXPRESSION_NAME_MAX = 256 };

/* Who knows the values. */
struct expression_names {
	/* A weak string, or NULL when there is no such name. */
	const char *(*value)(void *context, const char *name);
	void *context;
};

/*
 * Appends text with its expressions replaced. With a sentence: -EBADMSG when
 * an expression is malformed or its name unknown, -ENOBUFS when the result is
 * larger than buf may hold, -ENOMEM.
 */
int expression_expand(const char *text, size_t len, const struct expression_names *names,
		      struct buf *ret, struct err *err);

#endif
