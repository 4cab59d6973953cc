/* The entries of a vault, and the bytes they are sealed as (vault/vault.h). */
#ifndef VAULT_ENTRIES_H
#define VAULT_ENTRIES_H

#include "vault/vault.h"

/* Sorted by nothing; owned strings, values in locked memory. */
struct entries {
	struct vault_entry *items; /* owned */
	size_t count;
};

void entries_finish(struct entries *entries); /* wipes */

/* A copy of the entry is entered, or replaces what has the same kind, name and scope. */
int entries_put(struct entries *entries, const struct vault_entry *entry);
int entries_remove(struct entries *entries, enum vault_kind kind, const char *name,
		   const char *scope); /* -ENOENT */
const struct vault_entry *entries_find(const struct entries *entries, enum vault_kind kind,
				       const char *name, const char *scope);
int entries_copy(const struct entries *from, struct entries *ret);

/* In sodium_malloc() memory, owned by the caller. */
int entries_encode(const struct entries *entries, uint8_t **ret, size_t *ret_len);
/* -EBADMSG: not what entries_encode() makes. */
int entries_decode(const uint8_t *bytes, size_t len, struct entries *ret);

#endif
