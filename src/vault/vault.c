#include "vault/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "vault/entries.h"
#include "vault/key.h"

struct vault {
	char *folder, *path, *lock_path; /* owned */
	char *passphrase; /* owned, locked; of a vault that is not made yet; or NULL */
	uint8_t *key;	  /* owned, locked; NULL: the vault is not made yet */
	struct seal_header header;
	struct entries entries;
};

static int read_file(const char *path, struct buf *file, struct err *err)
{
	int r = file_read(AT_FDCWD, path, file);

	if (r == -EFBIG)
		return err_set(err, -EBADMSG, "the vault '%s' is damaged: it is too long", path);
	if (r < 0 && r != -ENOENT)
		return err_set_errno(err, r, "cannot read the vault '%s'", path);
	return r;
}

static int parse(const char *path, const struct buf *file, struct seal_header *ret, struct err *err)
{
	int r = seal_parse(file->data, file->len, ret);

	return r < 0 ? err_set(err, r, "the vault '%s' is damaged: it was cut or changed", path)
		     : 0;
}

int vault_peek(const char *folder, enum vault_key *ret)
{
	autofree char *path = NULL;
	autocall(buf_finish) struct buf file;
	struct seal_header header;
	int r;

	buf_init(&file, SEAL_FILE_MAX);
	if (asprintf(&path, "%s/vault", folder) < 0)
		return -ENOMEM;
	r = file_read(AT_FDCWD, path, &file);
	if (r == 0)
		r = seal_parse(file.data, file.len, &header);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	*ret = header.key;
	return 0;
}

static int unseal(const struct buf *file, const uint8_t *key, const char *path,
		  struct entries *entries, struct err *err)
{
	uint8_t *content = NULL;
	size_t len = 0;
	int r = seal_open(file->data, file->len, key, &content, &len);

	if (r == 0)
		r = entries_decode(content, len, entries);
	sodium_free(content);
	if (r == -EKEYREJECTED)
		return err_set(err, r, "the passphrase or key is not that of the vault '%s'", path);
	return r < 0 ? err_set(err, r, "the vault '%s' is damaged: it was cut or changed", path)
		     : 0;
}

/* Opens what is there; -ENOENT when nothing is. */
static int open_file(struct vault *vault, const char *passphrase, struct err *err)
{
	autocall(buf_finish) struct buf file;
	int r;

	buf_init(&file, SEAL_FILE_MAX);
	r = read_file(vault->path, &file, err);
	if (r == 0)
		r = parse(vault->path, &file, &vault->header, err);
	if (r == 0)
		r = key_load(vault->folder, &vault->header, passphrase, &vault->key, err);
	if (r == 0)
		r = unseal(&file, vault->key, vault->path, &vault->entries, err);
	return r;
}

static char *copy_passphrase(const char *passphrase)
{
	char *copy = sodium_malloc(strlen(passphrase) + 1);

	if (copy != NULL)
		memcpy(copy, passphrase, strlen(passphrase) + 1);
	return copy;
}

static int fill(struct vault *vault, const char *folder, const char *passphrase, struct err *err)
{
	int r;

	vault->folder = strdup(folder);
	if (vault->folder == NULL || asprintf(&vault->path, "%s/vault", folder) < 0 ||
	    asprintf(&vault->lock_path, "%s/vault.lock", folder) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = open_file(vault, passphrase, err);
	if (r != -ENOENT)
		return r;
	if (passphrase != NULL) {
		vault->passphrase = copy_passphrase(passphrase);
		if (vault->passphrase == NULL)
			return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

int vault_open(const char *folder, const char *passphrase, struct vault **ret, struct err *err)
{
	struct vault *vault;
	int r;

	if (sodium_init() < 0)
		return err_set(err, -ENOSYS, "libsodium cannot be used on this machine");
	if (passphrase != NULL && strlen(passphrase) > VAULT_PASSPHRASE_MAX)
		return err_set(err, -EINVAL, "a passphrase has at most %d bytes",
			       VAULT_PASSPHRASE_MAX);
	vault = calloc(1, sizeof(*vault));
	if (vault == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = fill(vault, folder, passphrase, err);
	if (r < 0)
		vault_close(vault);
	else
		*ret = vault;
	return r;
}

void vault_close(struct vault *vault)
{
	if (vault == NULL)
		return;
	entries_finish(&vault->entries);
	sodium_free(vault->key);
	sodium_free(vault->passphrase);
	free(vault->folder);
	free(vault->path);
	free(vault->lock_path);
	free(vault);
}

static int lock(const struct vault *vault, int *ret_fd, struct err *err)
{
	autoclose int fd = -1;
	int r = file_make_folders(vault->folder, 0700);

	if (r < 0)
		return err_set_errno(err, r, "cannot make '%s'", vault->folder);
	fd = open(vault->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_set_errno(err, -errno, "cannot lock the vault in '%s'", vault->folder);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* What others wrote since we looked. Lock held. */
static int reload(struct vault *vault, struct err *err)
{
	autocall(buf_finish) struct buf file;
	struct entries entries = { .items = NULL };
	struct seal_header header;
	int r;

	buf_init(&file, SEAL_FILE_MAX);
	if (vault->key == NULL) {
		r = open_file(vault, vault->passphrase, err);
		return r == -ENOENT ? 0 : r;
	}
	r = read_file(vault->path, &file, err);
	if (r == -ENOENT)
		return 0; /* it was removed: what we have is written anew */
	if (r == 0)
		r = parse(vault->path, &file, &header, err);
	if (r == 0 && sodium_memcmp(header.salt, vault->header.salt, SEAL_SALT_SIZE) != 0)
		r = err_set(err, -ESTALE, "the vault was given another key meanwhile");
	if (r == 0)
		r = unseal(&file, vault->key, vault->path, &entries, err);
	if (r < 0)
		return r;
	entries_finish(&vault->entries);
	vault->entries = entries;
	return 0;
}

/* Writes these entries under this key. Lock held. */
static int write_file(const struct vault *vault, const struct seal_header *header,
		      const uint8_t *key, const struct entries *entries, struct err *err)
{
	autocall(buf_finish) struct buf file;
	uint8_t *content = NULL;
	size_t len = 0;
	int r = entries_encode(entries, &content, &len);

	buf_init(&file, SEAL_FILE_MAX);
	if (r == 0)
		r = seal_make(header, key, content, len, &file);
	sodium_free(content);
	if (r == 0)
		r = file_write(AT_FDCWD, vault->path, file.data, file.len, 0600);
	return r < 0 ? err_set_errno(err, r, "cannot write the vault '%s'", vault->path) : 0;
}

/* The first key of a vault that is not made yet. */
static int ensure_key(struct vault *vault, struct err *err)
{
	if (vault->key != NULL)
		return 0;
	return key_make(vault->folder, vault->passphrase, &vault->header, &vault->key, err);
}

/* A change of the entries: to a copy, which takes their place once it is on disk. */
struct change {
	const struct vault_entry *put; /* NULL: remove */
	enum vault_kind kind;
	const char *name, *scope;
};

static int make_change(const struct change *change, struct entries *entries, struct err *err)
{
	int r;

	if (change->put == NULL) {
		r = entries_remove(entries, change->kind, change->name, change->scope);
		return r < 0 ? err_set(err, r, "no secret is called '%s'", change->name) : 0;
	}
	r = entries_put(entries, change->put);
	if (r == -ENOSPC)
		return err_set(err, r, "the vault is full: it has room for %d secrets",
			       VAULT_ENTRIES_MAX);
	if (r == -EMSGSIZE)
		return err_set(err, r, "a secret has at most %d bytes", VAULT_VALUE_MAX);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

static int apply(struct vault *vault, const struct change *change, struct err *err)
{
	struct entries entries = { .items = NULL };
	int r = reload(vault, err);

	if (r == 0 && entries_copy(&vault->entries, &entries) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = make_change(change, &entries, err);
	if (r == 0)
		r = ensure_key(vault, err);
	if (r == 0)
		r = write_file(vault, &vault->header, vault->key, &entries, err);
	if (r < 0) {
		entries_finish(&entries);
		return r;
	}
	entries_finish(&vault->entries);
	vault->entries = entries;
	return 0;
}

static int change_locked(struct vault *vault, const struct change *change, struct err *err)
{
	autoclose int lock_fd = -1;
	int r = lock(vault, &lock_fd, err);

	return r < 0 ? r : apply(vault, change, err);
}

int vault_put(struct vault *vault, const struct vault_entry *entry, struct err *err)
{
	return change_locked(vault,
			     &(struct change){ .put = entry,
					       .kind = entry->kind,
					       .name = entry->name,
					       .scope = entry->scope },
			     err);
}

int vault_remove(struct vault *vault, enum vault_kind kind, const char *name, const char *scope,
		 struct err *err)
{
	return change_locked(vault, &(struct change){ .kind = kind, .name = name, .scope = scope },
			     err);
}

/* Lock held. A key file is never replaced while the vault needs the old one. */
static int rekey(struct vault *vault, const char *passphrase, struct err *err)
{
	struct seal_header header;
	uint8_t *key = NULL;
	int r = reload(vault, err);

	if (r < 0)
		return r;
	if (passphrase == NULL && vault->key != NULL && vault->header.key != VAULT_KEY_PASSPHRASE)
		return 0;
	r = key_make(vault->folder, passphrase, &header, &key, err);
	if (r == 0)
		r = write_file(vault, &header, key, &vault->entries, err);
	if (r < 0) {
		sodium_free(key);
		return r;
	}
	sodium_free(vault->key);
	vault->key = key;
	vault->header = header;
	if (header.key != VAULT_KEY_FILE)
		key_forget_file(vault->folder);
	return 0;
}

int vault_rekey(struct vault *vault, const char *passphrase, struct err *err)
{
	autoclose int lock_fd = -1;
	int r;

	if (passphrase != NULL && strlen(passphrase) > VAULT_PASSPHRASE_MAX)
		return err_set(err, -EINVAL, "a passphrase has at most %d bytes",
			       VAULT_PASSPHRASE_MAX);
	r = lock(vault, &lock_fd, err);
	return r < 0 ? r : rekey(vault, passphrase, err);
}

int vault_delete(const char *folder, struct err *err)
{
	autofree char *path = NULL;

	if (asprintf(&path, "%s/vault", folder) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (unlink(path) < 0 && errno != ENOENT)
		return err_set_errno(err, -errno, "cannot remove the vault '%s'", path);
	key_forget_file(folder);
	return 0;
}

enum vault_key vault_key(const struct vault *vault)
{
	return vault->header.key;
}

size_t vault_count(const struct vault *vault)
{
	return vault->entries.count;
}

const struct vault_entry *vault_at(const struct vault *vault, size_t index)
{
	return &vault->entries.items[index];
}

const struct vault_entry *vault_find(const struct vault *vault, enum vault_kind kind,
				     const char *name, const char *scope)
{
	return entries_find(&vault->entries, kind, name, scope);
}
