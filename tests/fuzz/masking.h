/* A credential to mask, and bytes through a masker in pieces; what the fuzz targets of masking
 * share. */
#ifndef TESTS_FUZZ_MASKING_H
#define TESTS_FUZZ_MASKING_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "credential/credential.h"

/* A set with one service's credential, whose value is `secret`; the caller destroys it. */
static inline struct credentials *masking_set(const char *secret)
{
	struct credential credential = {
		.name = strdup("k"),
		.kind = CREDENTIAL_SERVICE,
		.targets = calloc(1, sizeof(char *)),
		.header = strdup("x-api-key"),
		.format = strdup("%s"),
	};
	struct credentials *set = NULL;
	int r = credential_set_value(&credential, secret, strlen(secret));

	assert(r == 0);
	r = credentials_create(&credential, 1, &set);
	assert(r == 0);
	return set;
}

/* Feeds all of it, `step` bytes at a time, and the end; destroys the masker. Returns what a feed
 * returned. */
static inline int masking_feed(struct credential_masker *masker, const uint8_t *bytes, size_t len,
			       size_t step, struct buf *out)
{
	int r = 0;

	for (size_t off = 0; r == 0 && off < len; off += step)
		r = credential_masker_feed(masker, bytes + off, min_of(step, len - off), false,
					   out);
	if (r == 0)
		r = credential_masker_feed(masker, NULL, 0, true, out);
	credential_masker_destroy(masker);
	return r;
}

#endif
