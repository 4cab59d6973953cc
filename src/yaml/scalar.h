/*
 * What a plain scalar means: the core schema of YAML 1.2 (10.3.2), so "no" and
 * "on" are strings.
 */
#ifndef YAML_SCALAR_H
#define YAML_SCALAR_H

#include <stdbool.h>

struct node;

enum scalar_kind { SCALAR_STRING, SCALAR_NULL, SCALAR_BOOL, SCALAR_NUMBER };

enum scalar_kind scalar_kind(const char *plain);

/* True for a scalar that says null: a plain "", "~" or "null". */
bool node_is_null(const struct node *node);

/* A plain true or false; -EINVAL for anything else. */
int node_bool(const struct node *node, bool *ret);

/* A plain decimal number, perhaps with a fraction or an exponent; -EINVAL, -ERANGE. */
int node_number(const struct node *node, double *ret);

#endif
