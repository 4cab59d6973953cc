/* Secrets as people may see them: names, and values behind stars. */
#ifndef SBXD_SECRET_VIEW_H
#define SBXD_SECRET_VIEW_H

#include <stddef.h>

#include "vault/vault.h"

enum { SECRET_MASKED_MAX = 25 };

/* "service", "custom", "registry", "oauth" */
const char *secret_kind_name(int kind);
int secret_kind_parse(const char *name); /* 0: none is called so */

/* "file", "passphrase", "keyring" */
const char *secret_protection_name(enum vault_key key);

/*
 * Up to 6 characters: all stars; up to 19: the first 6 and stars; more: the
 * first 6, stars and the last 4, cut to SECRET_MASKED_MAX. is_password: at most 8 stars, and
 * nothing else, for less than 12 characters.
 */
void secret_mask(const char *value, size_t len, bool is_password, char ret[SECRET_MASKED_MAX + 1]);

#endif
