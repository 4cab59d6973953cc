/*
 * The arguments of an environment: what `args:` of all files declares together,
 * with the values that the user gave, put where the files ask for them.
 */
#ifndef ENVFILE_VALUES_H
#define ENVFILE_VALUES_H

#include <jansson.h>
#include <stddef.h>

#include "yaml/document.h"

struct err;

/*
 * Adds a file's declarations, `args:`, to those of files before it, by key. Their form is checked
 * by the grammar afterwards. -ENOMEM.
 */
int values_declare(const struct document *document, json_t *declared, struct err *err);

/*
 * The strings that the declared arguments have; *ret is owned by the caller. -EINVAL with a
 * sentence when one lacks a value, has one that it does not allow, or nobody declared it.
 */
int values_settle(const json_t *declared, const char *const *given, size_t count, json_t **ret,
		  struct err *err);

struct values_places {
	const char *project, *file; /* folders */
};

/* Replaces the expressions of a file, outside `args:`. -EBADMSG with place and sentence. */
int values_expand(struct document *document, const json_t *values,
		  const struct values_places *places, struct err *err);

#endif
