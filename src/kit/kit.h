/*
 * One kit as its author wrote it: spec.yaml, which says what an agent or an
 * addition to one needs in a sandbox. The grammar is strict; on top of it
 * members that belong to one kind of kit, pairs of which one is to be chosen,
 * and domains of credentials that the network permissions do not cover are
 * refused. Nothing of a kit is run here; kit/resolve.h puts kits together.
 */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "kit/arguments.h"
#include "yaml/document.h"

struct err;
struct kit_bundle;

/* Everything is owned. */
struct kit {
	struct document document; /* arguments replaced: tells where things stand */
	json_t *spec;		  /* in the form of schema version 2, members as in the file */
	json_t *arguments;	  /* their values: strings */
	json_t *warnings;	  /* sentences */
};

/* spec.yaml; weak. */
struct kit_text {
	const char *name;   /* what sentences call the file */
	const char *handle; /* another name before the dot of an argument; or NULL */
	const char *image;  /* the image that it came with, schema version 3; or NULL */
	const void *bytes;
	size_t len;
};

/*
 * 0 and *ret must be finished; -EBADMSG with file, place and sentence, -EINVAL
 * for the values, -ENOMEM.
 */
int kit_parse(const struct kit_text *text, const struct kit_values *values, struct kit *ret,
	      struct err *err);
/* The same of what was fetched. */
int kit_parse_bundle(const struct kit_bundle *bundle, const struct kit_values *values,
		     struct kit *ret, struct err *err);
void kit_finish(struct kit *kit);

const char *kit_name(const struct kit *kit);
bool kit_is_mixin(const struct kit *kit);

/* Adds a sentence to the warnings. -ENOMEM. */
__attribute__((format(printf, 2, 3))) int kit_warn(struct kit *kit, const char *format, ...);

#endif
