/*
 * The vault: secrets of the user in one file, sealed with XChaCha20-Poly1305.
 * The key comes from a passphrase by Argon2id, from the desktop's Secret
 * Service where one runs, or else from a key file beside it (0600): protected
 * by file permissions then, and `secret ls` says so. The file is written
 * whole (temporary, fsync, rename) and read with every length checked; a wrong
 * key, a cut or a changed file opens as nothing. Values are in sodium_malloc()
 * memory: locked, guarded, wiped.
 *
 * The files, in a folder of mode 0700; numbers are little-endian:
 *
 *	vault       offset 0  "sbxvault"
 *	                   8  le32 version, 1
 *	                  12  le32 enum vault_key
 *	                  16  le32 passes and
 *	                  20  le32 KiB of Argon2id; 0 unless the key is a passphrase's
 *	                  24  salt, 16 bytes
 *	                  40  check of the key, 16 bytes
 *	                  56  nonce, 24 bytes, new at each write
 *	                  80  le32 length of what follows
 *	                  84  ciphertext and tag; everything above is authenticated with it
 *	vault.key   32 random bytes, mode 0600
 *	vault.lock  held (flock) from reading to writing: writers never undo each other
 *
 * Inside: le32 count, then for each entry le32 kind, le64 changed_at, and name,
 * scope, attributes and value, each le32 length and bytes; length 2^32-1: NULL.
 *
 * Not thread-safe; one process may have it open several times, and so may others.
 */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct vault;

enum vault_kind { VAULT_SERVICE = 1, VAULT_CUSTOM = 2, VAULT_REGISTRY = 3, VAULT_OAUTH = 4 };
enum {
	VAULT_ENTRIES_MAX = 1024,
	VAULT_VALUE_MAX = 16384,
	VAULT_TEXT_MAX = 16384, /* bytes of name, scope or attributes */
	VAULT_PASSPHRASE_MAX = 1024,
};

/* What opens it. */
enum vault_key { VAULT_KEY_FILE = 0, VAULT_KEY_PASSPHRASE = 1, VAULT_KEY_KEYRING = 2 };

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

/* What would open the vault of this folder; -ENOENT when there is none yet, -EBADMSG. */
int vault_peek(const char *folder, enum vault_key *ret);

/*
 * No vault yet: an empty one, which is made at the first vault_put(), with
 * this passphrase, or with a key of the keyring or of a file when it is NULL.
 * A passphrase that the vault does not want is ignored. With a sentence:
 * -ENOKEY (it wants a passphrase), -EKEYREJECTED (a wrong one), -EBADMSG (cut
 * or changed), or what the system said.
 */
int vault_open(const char *folder, const char *passphrase, struct vault **ret, struct err *err);
void vault_close(struct vault *vault);

/*
 * Enters or replaces what has the same kind, name and scope; on disk when it
 * returns. First what others wrote meanwhile is read. On failure the vault is as before.
 */
int vault_put(struct vault *vault, const struct vault_entry *entry, struct err *err);
/* -ENOENT when there is none. */
int vault_remove(struct vault *vault, enum vault_kind kind, const char *name, const char *scope,
		 struct err *err);
/* Writes it anew under another key; NULL: as vault_open() would choose. Others must open it anew.
 */
int vault_rekey(struct vault *vault, const char *passphrase, struct err *err);

/* Removes the vault of this folder, opened or not, with its key file; fine when there is none. */
int vault_delete(const char *folder, struct err *err);

enum vault_key vault_key(const struct vault *vault);
size_t vault_count(const struct vault *vault);
const struct vault_entry *vault_at(const struct vault *vault, size_t index);
const struct vault_entry *vault_find(const struct vault *vault, enum vault_kind kind,
				     const char *name, const char *scope);

#endif
