/*
 * The arguments of a kit: `args:` declares them, the user gives values, and
 * ${{ kit.args.NAME }} stands for them in every string of the file.
 */
#ifndef KIT_ARGUMENTS_H
#define KIT_ARGUMENTS_H

#include <stddef.h>

#include "yaml/document.h"

struct err;

enum {
	ARGUMENT_VALUE_MAX = 4096,	  /* bytes */
	ARGUMENT_TEXTS_MAX = 1024 * 1024, /* bytes of all strings after replacement */
	ARGUMENT_PATTERN_MAX = 512,	  /* bytes */
};

/* "NAME=VALUE" each; weak. */
struct kit_values {
	const char *const *items;
	size_t count;
};

/*
 * Checks the declarations and the values, and puts the values where they are
 * asked for, outside `args:` itself. A default and a value must be in `enum`,
 * or match `pattern` from end to end. -EBADMSG with place and sentence when
 * the file is at fault, -EINVAL when the values are, -ENOMEM.
 */
int arguments_apply(const struct document *document, const struct kit_values *values,
		    struct err *err);

#endif
