/*
 * Paths on the command line, as the mounts of a sandbox.
 */
#ifndef SBX_MOUNTS_H
#define SBX_MOUNTS_H

#include <jansson.h>
#include <stdbool.h>

struct err;

/* Adds "PATH" or "PATH:ro" to the array, at the same absolute path in the sandbox. */
int mounts_add_path(json_t *mounts, const char *text, struct err *err);

/* Adds "SRC:DST", "SRC:DST:ro", or what mounts_add_path() takes. */
int mounts_add_spec(json_t *mounts, const char *text, struct err *err);

#endif
