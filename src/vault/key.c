#include "vault/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "vault/keyring.h"

/* For new vaults: 64 MiB, three passes, about a third of a second. */
enum { NEW_PASSES = 3, NEW_KIB = 64 << 10 };

static int of_passphrase(const struct seal_header *header, const char *passphrase, uint8_t *key,
			 struct err *err)
{
	if (crypto_pwhash(key, SEAL_KEY_SIZE, passphrase, strlen(passphrase), header->salt,
			  header->passes, (size_t)header->kib * 1024,
			  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return err_set(err, -ENOMEM,
			       "not enough memory to open the vault: its passphrase takes %u MiB",
			       header->kib / 1024);
	return 0;
}

static int path_of_key(const char *folder, char **ret)
{
	return asprintf(ret, "%s/vault.key", folder) < 0 ? -ENOMEM : 0;
}

/* Only the user may have been able to read or change it. */
static int check_file(int fd, const char *path, struct err *err)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return err_set_errno(err, -errno, "cannot look at '%s'", path);
	if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0)
		return err_set(err, -EPERM,
			       "others could read '%s': make it yours alone (chmod 600), or set a "
			       "passphrase",
			       path);
	return 0;
}

static int load_file(const char *folder, uint8_t *key, struct err *err)
{
	autofree char *path = NULL;
	autoclose int fd = -1;
	ssize_t n;
	int r;

	if (path_of_key(folder, &path) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return err_set_errno(err, errno == ENOENT ? -ENOKEY : -errno,
				     "cannot read the vault's key '%s'", path);
	r = check_file(fd, path, err);
	if (r < 0)
		return r;
	n = fd_read_full(fd, key, SEAL_KEY_SIZE);
	if (n != SEAL_KEY_SIZE)
		return err_set(err, -EKEYREJECTED, "the vault's key '%s' is cut short", path);
	return 0;
}

static int store_file(const char *folder, const uint8_t *key, struct err *err)
{
	autofree char *path = NULL;
	int r = path_of_key(folder, &path);

	if (r == 0)
		r = file_write(AT_FDCWD, path, key, SEAL_KEY_SIZE, 0600);
	return r < 0 ? err_set_errno(err, r, "cannot write the vault's key below '%s'", folder) : 0;
}

static int load_keyring(const char *folder, uint8_t *key, struct err *err)
{
	char text[KEYRING_TEXT_MAX];
	size_t len = 0;
	int r = keyring_load(folder, text);

	if (r == 0 && sodium_hex2bin(key, SEAL_KEY_SIZE, text, strlen(text), NULL, &len, NULL) != 0)
		r = -EKEYREJECTED;
	sodium_memzero(text, sizeof(text));
	if (r == 0 && len == SEAL_KEY_SIZE)
		return 0;
	return err_set(err, r == -EIO || r == -EOPNOTSUPP ? -ENOKEY : -EKEYREJECTED,
		       "the vault's key is in the keyring of your desktop session, which %s",
		       r == -EOPNOTSUPP ? "is not there: log in to it"
					: "did not give it: unlock it");
}

static int store_keyring(const char *folder, const uint8_t *key)
{
	char text[SEAL_KEY_SIZE * 2 + 1];
	int r;

	(void)sodium_bin2hex(text, sizeof(text), key, SEAL_KEY_SIZE);
	r = keyring_store(folder, text);
	sodium_memzero(text, sizeof(text));
	return r;
}

static int load(const char *folder, const struct seal_header *header, const char *passphrase,
		uint8_t *key, struct err *err)
{
	switch (header->key) {
	case VAULT_KEY_FILE:
		return load_file(folder, key, err);
	case VAULT_KEY_KEYRING:
		return load_keyring(folder, key, err);
	case VAULT_KEY_PASSPHRASE:
		if (passphrase == NULL)
			return err_set(err, -ENOKEY,
				       "the vault is locked: give its passphrase with 'sbx secret "
				       "unlock'");
		return of_passphrase(header, passphrase, key, err);
	}
	return err_set(err, -EBADMSG, "the vault is of an unknown kind");
}

int key_load(const char *folder, const struct seal_header *header, const char *passphrase,
	     uint8_t **ret, struct err *err)
{
	uint8_t *key = sodium_malloc(SEAL_KEY_SIZE);
	int r = key != NULL ? load(folder, header, passphrase, key, err)
			    : err_set(err, -ENOMEM, "out of memory");

	if (r < 0)
		sodium_free(key);
	else
		*ret = key;
	return r;
}

static int make(const char *folder, const char *passphrase, struct seal_header *header,
		uint8_t *key, struct err *err)
{
	randombytes_buf(header->salt, SEAL_SALT_SIZE);
	if (passphrase != NULL) {
		header->key = VAULT_KEY_PASSPHRASE;
		header->passes = NEW_PASSES;
		header->kib = NEW_KIB;
		return of_passphrase(header, passphrase, key, err);
	}
	randombytes_buf(key, SEAL_KEY_SIZE);
	if (store_keyring(folder, key) == 0) {
		header->key = VAULT_KEY_KEYRING;
		return 0;
	}
	header->key = VAULT_KEY_FILE;
	return store_file(folder, key, err);
}

int key_make(const char *folder, const char *passphrase, struct seal_header *ret_header,
	     uint8_t **ret, struct err *err)
{
	struct seal_header header = { .key = VAULT_KEY_FILE };
	uint8_t *key = sodium_malloc(SEAL_KEY_SIZE);
	int r = key != NULL ? make(folder, passphrase, &header, key, err)
			    : err_set(err, -ENOMEM, "out of memory");

	if (r < 0) {
		sodium_free(key);
		return r;
	}
	*ret_header = header;
	*ret = key;
	return 0;
}

void key_forget_file(const char *folder)
{
	autofree char *path = NULL;

	if (path_of_key(folder, &path) == 0)
		(void)unlink(path);
}
