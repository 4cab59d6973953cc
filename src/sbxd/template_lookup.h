/*
 * The template of a reference: one that came with the programs goes first, then
 * those of the user. And templates as the JSON of docs/api.md.
 */
#ifndef SBXD_TEMPLATE_LOOKUP_H
#define SBXD_TEMPLATE_LOOKUP_H

#include <jansson.h>

struct err;
struct supervisor;
struct template;

/* -ENOENT and a sentence that names what there is. */
int template_lookup(struct supervisor *supervisor, const char *reference, struct template *ret,
		    struct err *err);

/* -EINVAL for the very name of a template that came with the programs. */
int template_lookup_check_name(struct supervisor *supervisor, const char *reference,
			       struct err *err);

/* NULL when memory is out. */
json_t *template_view(const struct template *template);

#endif
