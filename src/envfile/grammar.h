/*
 * The keys of sbxenv.yaml, schema version 1.
 */
#ifndef ENVFILE_GRAMMAR_H
#define ENVFILE_GRAMMAR_H

#include <stdbool.h>

#include "kit/rule.h"

extern const struct rule envfile_rules[];

/* The one key `bindings:` of it, for the file where the user's own are kept. */
extern const struct rule envfile_bindings[];

/* 2 to 63 letters, digits, '-' and '.', a letter or digit at both ends. */
bool envfile_is_name(const char *text);

/* [A-Za-z_] and then any of [A-Za-z0-9_]. */
bool envfile_is_variable(const char *text);

#endif
