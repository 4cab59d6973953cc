/* What the files of this library share: the set from within. Nobody else includes it. */
#ifndef CREDENTIAL_SET_H
#define CREDENTIAL_SET_H

#include "credential/credential.h"
#include "credential/needles.h"

struct credentials {
	struct credential *items; /* owned */
	uint32_t *same;		  /* owned; of each the first that has the same value */
	size_t count;
	struct needles *needles; /* owned: values in all forms, and custom placeholders */
};

/* The two kinds of owners of needles. A value that several share has one owner. */
static inline uint32_t owner_of_value(const struct credentials *credentials, size_t item)
{
	return credentials->same[item] * 2;
}

static inline uint32_t owner_of_placeholder(size_t item)
{
	return (uint32_t)item * 2 + 1;
}

static inline const struct credential *credential_of_owner(const struct credentials *credentials,
							   uint32_t owner)
{
	return &credentials->items[owner / 2];
}

/* oauth.c: whether its token endpoint is at this host. */
bool credential_watches(const struct credential *credential, const char *host, uint16_t port);

bool credential_binds(const struct credential *credential, const char *host, uint16_t port);

#endif
