/*
 * --format, -o and --json: three ways to ask for the same, for every command
 * that lists something.
 */
#ifndef SBX_FORMAT_H
#define SBX_FORMAT_H

#include <stdbool.h>

#include "app/options.h"

struct format_options {
	const char *format; /* NULL: table */
};

extern const struct option format_option_rows[];

bool format_is_json(const struct format_options *options);

#endif
