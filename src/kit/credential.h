/* A credential of a kit in the form of a resolved kit. */
#ifndef KIT_CREDENTIAL_H
#define KIT_CREDENTIAL_H

#include <jansson.h>

/*
 * The members in our names; each inject rule has a `domain` and either
 * `header` and `format` (one %s), or `scheme` "basic" and `username`. Owned by
 * the caller; NULL when memory is out.
 */
json_t *credential_resolve(const json_t *credential);

#endif
