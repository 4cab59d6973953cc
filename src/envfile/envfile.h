/*
 * sbxenv.yaml: a whole environment in a file (schema version 1), read strictly,
 * with arguments and expressions, and several files merged into one.
 *
 * Expressions stand in values, not in keys and not under `args`:
 *	${{ env.args.NAME }}	an argument: its value, else its default
 *	${{ env.projectDir }}	the folder of the first file that was named
 *	${{ env.fileDir }}	the folder of the file it stands in
 * A plain scalar that is nothing but one expression takes the type that YAML sees
 * in the value; in quotes, or with more around it, it is a string. Paths are
 * relative to their file. Merged: mappings by key, lists one after the other, and
 * of two scalars the later one is kept.
 */
#ifndef ENVFILE_ENVFILE_H
#define ENVFILE_ENVFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

enum { ENVFILE_FILES_MAX = 16, ENVFILE_TEXTS_MAX = 1024 * 1024 };

/* One file as it was read; all weak. */
struct envfile_source {
	const char *path; /* absolute: of errors, and the base of its relative paths */
	const void *bytes;
	size_t len;
	bool is_default; /* the user's own: may not set a name, and shares the project only */
};

struct envfile_request {
	const struct envfile_source *sources; /* the defaults first */
	size_t count;
	const char *project;	   /* absolute: env.projectDir */
	const char *const *values; /* "NAME=VALUE", the later one wins */
	size_t values_count;
};

/*
 * The environment, an object owned by the caller, with the keys of the schema: paths are
 * absolute, `workspace` is {path, clone}, each of `kits` is {source, args}. -EBADMSG with
 * FILE:LINE:COLUMN and a sentence when a file is at fault, -EINVAL when a value is, -ENOMEM.
 */
int envfile_resolve(const struct envfile_request *request, json_t **ret, struct err *err);

#endif
