/*
 * The one form of a request path that rules are matched against: percent
 * escapes of unreserved characters decoded, empty and "." segments removed, ".."
 * resolved, no query, no fragment. What could be read in two ways (an escaped
 * slash or NUL or backslash, ".." above the root, a double escape, ";params" in a
 * segment) has none.
 */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include "base/buf.h"

/* Appends the canonical path of a request target ("/a/b?q"). -EINVAL: it has none. */
int http_path_canonical(const char *target, struct buf *ret);

#endif
