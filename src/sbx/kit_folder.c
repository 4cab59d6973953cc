#include "sbx/kit_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "kit/untar.h"
#include "tar/pack.h"
#include "yaml/document.h"

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
	if (writer == NULL || kit_untar_create(bundle, &untar) < 0)
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
	return r == 0 ? read_files(folder, bundle, err) : r;
}
