/*
 * The vault file as bytes: what is stated openly, and sealing and opening the
 * rest with a key that is there already. No files, no passphrases.
 */
#ifndef VAULT_SEAL_H
#define VAULT_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "vault/vault.h"

struct buf;

enum {
	SEAL_KEY_SIZE = 32,
	SEAL_SALT_SIZE = 16,
	SEAL_HEADER_SIZE = 84,
	SEAL_FILE_MAX = 96 << 20,
	/* what a file may ask of Argon2id: a changed one cannot take all memory or hours */
	SEAL_PASSES_MAX = 16,
	SEAL_KIB_MIN = 8 << 10,
	SEAL_KIB_MAX = 1 << 20,
};

/* How the key is come by. */
struct seal_header {
	enum vault_key key;
	uint32_t passes, kib; /* of Argon2id; 0 unless key is VAULT_KEY_PASSPHRASE */
	uint8_t salt[SEAL_SALT_SIZE];
};

/* -EBADMSG: no vault, of another version, cut, or with numbers beyond the bounds. */
int seal_parse(const uint8_t *bytes, size_t len, struct seal_header *ret);

/*
 * The content, in sodium_malloc() memory, owned by the caller. -EKEYREJECTED:
 * another key; -EBADMSG: changed.
 */
int seal_open(const uint8_t *bytes, size_t len, const uint8_t key[SEAL_KEY_SIZE], uint8_t **ret,
	      size_t *ret_len);

/* Appends a whole file, with a new nonce. */
int seal_make(const struct seal_header *header, const uint8_t key[SEAL_KEY_SIZE],
	      const uint8_t *content, size_t len, struct buf *file);

#endif
