/*
 * A kit, schema version 2: spec.yaml in a folder, which says what an agent or
 * an addition to one needs in a sandbox. The grammar is strict; on top of it
 * members that belong to one kind of kit, pairs of which one is to be chosen,
 * and domains of credentials that the network permissions do not cover are
 * refused. Nothing of a kit is run here.
 */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include <jansson.h>
#include <stddef.h>

#include "kit/arguments.h"

struct err;

/*
 * Reads DIR/spec.yaml. 0 and *ret is the kit with its arguments replaced,
 * members as in the file, owned by the caller; -EBADMSG with file, place and
 * sentence, -EINVAL for the values, another -errno when it cannot be read.
 */
int kit_load(const char *folder, const struct kit_values *values, json_t **ret, struct err *err);

/* The same of bytes that are called name. */
int kit_parse(const char *name, const void *bytes, size_t len, const struct kit_values *values,
	      json_t **ret, struct err *err);

#endif
