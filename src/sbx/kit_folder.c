#include "sbx/kit_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "kit/bundle.h"
#include "kit/untar.h"
#include "tar/pack.h"
#include "yaml/document.h"

#define SIGNATURE "kit.sig.bundle"

enum { FOLDER_MODE = 0755, FILE_MODE = 0644 };

/* Bytes of a regular file into buf; it is opened so that no pipe or device can hold us up. */
static int read_regular(int folder, const char *name, struct buf *buf)
{
	autoclose int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	for (;;) {
		size_t room = buf->max - buf->len < TAR_CHUNK ? buf->max - buf->len : TAR_CHUNK;
		void *to = buf_reserve(buf, room);
		ssize_t n = to != NULL && room > 0 ? read(fd, to, room) : -1;

		if (to == NULL)
			return -ENOMEM;
		if (room == 0)
			return -EFBIG;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		buf->len += (size_t)n;
	}
}

static int read_spec(int folder, const char *path, struct kit_bundle *bundle, struct err *err)
{
	int r = read_regular(folder, "spec.yaml", &bundle->spec);

	if (r == -EFBIG)
		return err_set(err, r, "%s/spec.yaml is larger than %d KiB", path,
			       DOCUMENT_BYTES_MAX / 1024);
	if (r == -ENOENT)
		return err_set(err, r, "'%s' is no kit: it has no spec.yaml", path);
	if (r == -ELOOP || r == -EINVAL)
		return err_set(err, -EPERM, "%s/spec.yaml is no regular file", path);
	return r < 0 ? err_set_errno(err, r, "cannot read '%s/spec.yaml'", path) : 0;
}

/* The signature, when there is one. */
static int read_signature(int folder, const char *path, struct kit_bundle *bundle, struct err *err)
{
	int r = read_regular(folder, SIGNATURE, &bundle->signature);

	return r < 0 && r != -ENOENT
		       ? err_set_errno(err, r, "cannot read '%s/kit.sig.bundle'", path)
		       : 0;
}

static int feed(void *context, const void *bytes, size_t len, struct err *err)
{
	return kit_untar_feed(context, bytes, len, err);
}

/* The tree is packed as for a copy into a sandbox, and read back with a kit's limits. */
static int read_files(int folder, struct kit_bundle *bundle, struct err *err)
{
	autofree struct tar_writer *writer = malloc(sizeof(*writer));
	struct tar_pack_config config = { .dir = folder, .name = "files", .top = "" };
	struct kit_untar *untar = NULL;
	struct stat st;
	int r;

	if (fstatat(folder, "files", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set_errno(err, -errno, "cannot read 'files'");
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -EPERM, "%s: 'files' is no folder", bundle->name);
	if (writer == NULL || kit_untar_create(bundle, KIT_UNTAR_FILES, &untar) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	tar_writer_init(writer, feed, untar);
	r = tar_pack(&config, writer, err);
	if (r == 0)
		r = tar_writer_end(writer, err);
	if (r == 0)
		r = kit_untar_finish(untar, err);
	kit_untar_destroy(untar);
	return r;
}

int kit_folder_read(const char *path, struct kit_bundle *bundle, struct err *err)
{
	autoclose int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (folder < 0)
		return err_set_errno(err, -errno, "cannot read the kit '%s'", path);
	r = read_spec(folder, path, bundle, err);
	if (r == 0)
		r = read_signature(folder, path, bundle, err);
	return r == 0 ? read_files(folder, bundle, err) : r;
}

static int write_member(const char *folder, const char *name, const void *bytes, size_t len,
			struct err *err)
{
	autofree char *path = NULL;
	char *slash;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	slash = strrchr(path, '/');
	*slash = '\0';
	r = file_make_folders(path, FOLDER_MODE);
	*slash = '/';
	if (r == 0)
		r = file_write(AT_FDCWD, path, bytes, len, FILE_MODE);
	return r < 0 ? err_set_errno(err, r, "cannot write '%s'", path) : 0;
}

int kit_folder_write(const struct kit_bundle *bundle, const char *path, struct err *err)
{
	int r;

	if (mkdir(path, FOLDER_MODE) < 0)
		return err_set_errno(err, -errno, "cannot make the folder '%s'", path);
	r = write_member(path, "spec.yaml", bundle->spec.data, bundle->spec.len, err);
	if (r == 0 && bundle->signature.len > 0)
		r = write_member(path, SIGNATURE, bundle->signature.data, bundle->signature.len,
				 err);
	for (size_t i = 0; r == 0 && i < bundle->count; i++) {
		autofree char *name = NULL;

		if (asprintf(&name, "files/%s", bundle->files[i].path) < 0) {
			name = NULL;
			return err_set(err, -ENOMEM, "out of memory");
		}
		r = write_member(path, name, bundle->files[i].bytes, bundle->files[i].len, err);
	}
	return r;
}

int kit_folder_write_signature(const struct kit_bundle *bundle, struct err *err)
{
	return write_member(bundle->folder, SIGNATURE, bundle->signature.data,
			    bundle->signature.len, err);
}
