/*
 * The desktop's Secret Service, by libsecret where it is installed and a
 * session bus is there. It keeps one thing of ours: the key of the vault.
 */
#ifndef VAULT_KEYRING_H
#define VAULT_KEYRING_H

#include <stddef.h>

enum { KEYRING_TEXT_MAX = 128 };

/*
 * The text stored for this vault, NUL-terminated. -ENOENT: none is stored,
 * -EOPNOTSUPP: no keyring here, -EIO: it refused. May wait for the user to unlock it.
 */
int keyring_load(const char *folder, char ret[KEYRING_TEXT_MAX]);
int keyring_store(const char *folder, const char *text);

#endif
