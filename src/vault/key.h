/* Where the key of a vault comes from: a passphrase, the desktop's keyring, a file. */
#ifndef VAULT_KEY_H
#define VAULT_KEY_H

#include "vault/seal.h"

struct err;

/*
 * The key that the header asks for, 32 bytes in sodium_malloc() memory. folder
 * is the vault's. With a sentence: -ENOKEY (a passphrase is wanted, or the key
 * is gone), -EKEYREJECTED, or what the system said.
 */
int key_load(const char *folder, const struct seal_header *header, const char *passphrase,
	     uint8_t **ret, struct err *err);

/* A new key, and the header that will ask for it. passphrase NULL: of the keyring, or a file. */
int key_make(const char *folder, const char *passphrase, struct seal_header *ret_header,
	     uint8_t **ret, struct err *err);

/* Removes the key file: the vault is under another key now. */
void key_forget_file(const char *folder);

#endif
