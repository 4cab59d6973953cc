/*
 * The templates there are: those that came with the programs, a folder of manifests
 * NAME.json. See template.h.
 */
#ifndef SBXD_TEMPLATES_H
#define SBXD_TEMPLATES_H

#include <stddef.h>

#include "sbxd/template.h"

struct err;

/* What a sandbox is made from when nobody says. */
#define TEMPLATE_DEFAULT "shell"

struct templates {
	const char *builtin; /* weak: folder of those that came with the programs; NULL: none */
};

/*
 * The template of that reference, to be finished. -ENOENT and a sentence that names what
 * there is; a reference is never taken as a path.
 */
int templates_find(const struct templates *templates, const char *reference, struct template *ret,
		   struct err *err);

/* All of them by name, each to be finished, in fresh memory; a manifest that cannot be read is
 * left out. -ENOMEM. */
int templates_list(const struct templates *templates, struct template **ret, size_t *ret_count);

#endif
