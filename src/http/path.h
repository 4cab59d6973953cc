/*
 * The one form of a request path that rules are matched against (RFC 3986 §6.2).
 *
 * No query. Escapes of what may stand in a segment are decoded, all else is
 * escaped in upper case. Empty and "." segments are removed, ".." is resolved, no
 * slash at the end: "//a/./b%2D/" is "/a/b-". Letters keep their case.
 *
 * What could be read in two ways has no such form: an escaped slash, backslash,
 * control or half an escape, a double escape, an overlong UTF-8 byte, a
 * backslash, ".." above the root, ";params" in a segment, a fragment.
 */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include "base/buf.h"

/* Appends the canonical path of a request target ("/a/b?q"). -EINVAL: it has none; -ENOBUFS. */
int http_path_canonical(const char *target, struct buf *ret);

#endif
