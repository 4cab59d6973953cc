/* Path and query of a request, as it was sent (RFC 3986). */
#ifndef CREDENTIAL_QUERY_H
#define CREDENTIAL_QUERY_H

#include <stdbool.h>
#include <stddef.h>

/* Removes the query's parameters that are unwanted, in place. */
typedef bool query_unwanted_fn(void *context, const char *name, size_t name_len, const char *value,
			       size_t value_len);
void query_strip(char *path, query_unwanted_fn *is_unwanted, void *context);

/*
 * Puts the value, percent-encoded, where the placeholder stands in path or
 * query. 1 when it did, 0 when it is not there, -ENOMEM, -E2BIG. *path is in
 * malloc() memory and is replaced.
 */
int query_fill(char **path, const char *placeholder, const char *value, size_t value_len);

/* A copy with percent-encoding undone, owned by the caller; NULL without memory. */
char *query_decode(const char *path);

#endif
