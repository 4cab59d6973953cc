/*
 * Inside the library: the parts of the question whether a resource is meant.
 */
#ifndef POLICY_RESOURCE_H
#define POLICY_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy.h"

/* The names that stand for the host itself; the first is what rules are written with. */
enum { RESOURCE_HOST_NAMES = 2 };
extern const char *const resource_host_names[RESOURCE_HOST_NAMES];

/* Whatever the port. */
bool resource_matches_host(const struct policy_resource *resource,
			   const struct policy_question *question);

/*
 * Whether the resource names the very thing asked for, as what is not public
 * needs it: an address or a network of that kind, or the host by its name.
 */
bool resource_names(const struct policy_resource *resource, const struct policy_question *question);

/* "a.b" of "*.a.b" and "**.a.b" when nothing else in it is special; else NULL. */
const char *resource_suffix(const struct policy_resource *resource);

#endif
