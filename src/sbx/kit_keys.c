#include "sbx/kit_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "kit/signature.h"

enum { SECRET_MODE = 0600, PUBLIC_MODE = 0644 };

static int read_text(const char *path, char ret[SIGNATURE_KEY_FILE_MAX], struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -errno : fd_read_full(fd, ret, SIGNATURE_KEY_FILE_MAX - 1);

	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read the key '%s'", path);
	ret[n] = '\0';
	return 0;
}

int kit_keys_read_secret(const char *path, struct signature_secret_key *ret, struct err *err)
{
	char text[SIGNATURE_KEY_FILE_MAX];
	int r = read_text(path, text, err);

	if (r == 0)
		r = signature_read_secret(path, text, ret, err);
	sodium_memzero(text, sizeof(text));
	return r;
}

static int write_new(const char *path, const char *text, mode_t mode, struct err *err)
{
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int r = fd < 0 ? -errno : fd_write_full(fd, text, strlen(text));

	return r < 0 ? err_set_errno(err, r, "cannot make the key '%s'", path) : 0;
}

int kit_keys_make(const char *path, struct err *err)
{
	char secret[SIGNATURE_KEY_FILE_MAX], public[SIGNATURE_KEY_FILE_MAX];
	autofree char *other = NULL;
	int r;

	if (asprintf(&other, "%s.pub", path) < 0 || signature_make_keys(secret, public) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = write_new(path, secret, SECRET_MODE, err);
	sodium_memzero(secret, sizeof(secret));
	if (r < 0)
		return r;
	r = write_new(other, public, PUBLIC_MODE, err);
	if (r < 0)
		(void)unlink(path);
	return r;
}

int kit_keys_verify(const struct kit_bundle *bundle, const json_t *paths, struct err *err)
{
	size_t count = json_array_size(paths), i;
	autofree struct signature_public_key *keys = calloc(count + 1, sizeof(*keys));
	json_t *path;

	if (keys == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	json_array_foreach(paths, i, path)
	{
		char text[SIGNATURE_KEY_FILE_MAX];
		int r = read_text(json_string_value(path), text, err);

		if (r == 0)
			r = signature_read_public(json_string_value(path), text, &keys[i], err);
		if (r < 0)
			return r;
	}
	return signature_verify(bundle, keys, count, err);
}
