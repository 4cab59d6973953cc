/*
 * The vault: secrets of the user in one file, sealed with XChaCha20-Poly1305.
 * The key comes from a passphrase by Argon2id, or, where none was chosen, from a
 * key file beside it (0600): protected by file permissions then, and `secret ls`
 * says so. The file is written whole (temporary, fsync, rename) and read with
 * every length checked; a wrong key, a cut or a changed file opens as nothing.
 * Values are in sodium_malloc() memory: locked, guarded, wiped.
 */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct vault;

enum vault_kind { VAULT_SERVICE = 1, VAULT_CUSTOM = 2, VAULT_REGISTRY = 3, VAULT_OAUTH = 4 };
enum { VAULT_ENTRIES_MAX = 1024, VAULT_VALUE_MAX = 16384 };

/* Strings owned by the vault while it is unchanged. */
struct vault_entry {
	enum vault_kind kind;
	const char *name;  /* service, custom secret's env name, registry host */
	const char *scope; /* sandbox name; NULL: global */
	const char
		*attributes; /* JSON text: targets, env, placeholder, username, source, refresh … */
	const char *value;   /* the secret; NULL when it comes from a source that is asked */
	size_t value_len;
	int64_t changed_at;
};

/* passphrase NULL: the key file. -EKEYREJECTED, -EBADMSG (cut or changed) and a sentence. */
int vault_open(const char *folder, const char *passphrase, struct vault **ret, struct err *err);
void vault_close(struct vault *vault);

/* Enters or replaces what has the same kind, name and scope; on disk when it returns. */
int vault_put(struct vault *vault, const struct vault_entry *entry, struct err *err);
int vault_remove(struct vault *vault, enum vault_kind kind, const char *name, const char *scope,
		 struct err *err);
size_t vault_count(const struct vault *vault);
const struct vault_entry *vault_at(const struct vault *vault, size_t index);
const struct vault_entry *vault_find(const struct vault *vault, enum vault_kind kind,
				     const char *name, const char *scope);

#endif
