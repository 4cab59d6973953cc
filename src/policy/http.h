/*
 * Inside the library: rules by method and path.
 */
#ifndef POLICY_HTTP_H
#define POLICY_HTTP_H

#include <stdbool.h>

#include "policy/policy.h"

enum { HTTP_RULE_METHODS_MAX = 256, HTTP_QUESTION_PATH_MAX = 65536 }; /* bytes */

bool http_is_rule(const struct policy_rule *rule);

/* Whether an HTTP rule means this method and path. */
bool http_rule_matches(const struct policy_rule *rule, const char *method, const char *path);

/* Whether a question's method is a token and its path in canonical form (or "*", of OPTIONS). */
bool http_is_question(const char *method, const char *path);

#endif
