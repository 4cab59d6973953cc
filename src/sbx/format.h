/*
 * --format, -o and --json: ways to ask a command that lists something for a
 * document instead of a table.
 */
#ifndef SBX_FORMAT_H
#define SBX_FORMAT_H

#include <jansson.h>
#include <stdbool.h>

#include "app/options.h"

struct err;

struct format_options {
	const char *format; /* NULL: table */
};

extern const struct option format_option_rows[];

/* JSON or YAML is wanted. */
bool format_is_document(const struct format_options *options);

/* The document on stdout in the form that was asked for; JSON where that is no document's. */
int format_print(const struct format_options *options, const json_t *document, struct err *err);

#endif
