/*
 * The arguments of a kit: `args:` declares them, the user gives values, and
 * ${{ kit.args.NAME }} stands for them in every string of the file and in the
 * files that the kit brings.
 */
#ifndef KIT_ARGUMENTS_H
#define KIT_ARGUMENTS_H

#include <jansson.h>
#include <stddef.h>

#include "yaml/document.h"

struct buf;
struct err;

enum {
	ARGUMENT_VALUE_MAX = 4096,	  /* bytes */
	ARGUMENT_TEXTS_MAX = 1024 * 1024, /* bytes of all strings after replacement */
	ARGUMENT_PATTERN_MAX = 512,	  /* bytes */
};

/*
 * "NAME=VALUE" for every kit that declares it, "KIT.NAME=VALUE" for one; weak.
 * What is said of one kit beats what is said of all, then the later one wins.
 */
struct kit_values {
	const char *const *items;
	size_t count;
};

/* What may stand before the dot; each may be NULL. */
struct kit_names {
	const char *name, *handle;
};

/*
 * Checks the declarations and the values, and puts the values where they are
 * asked for, outside `args:` itself. A default and a value must be in `enum`,
 * or match `pattern` from end to end. -EBADMSG with place and sentence when
 * the file is at fault, -EINVAL when the values are, -ENOMEM. *ret is an
 * object of the strings that the arguments have now, owned by the caller.
 */
int arguments_apply(const struct document *document, const struct kit_names *names,
		    const struct kit_values *values, json_t **ret, struct err *err);

/* Is NAME=VALUE or KIT.NAME=VALUE meant for that kit, which has those arguments? */
bool arguments_takes(const json_t *arguments, const struct kit_names *names, const char *item);

/*
 * Appends a file's bytes with its expressions replaced. Only those whose name
 * begins with "kit." are ours; what others write as ${{ }} stays as it is,
 * and so do files that are no text. Errors as of expression_expand().
 */
int arguments_expand(const json_t *arguments, const void *bytes, size_t len, struct buf *ret,
		     struct err *err);

#endif
