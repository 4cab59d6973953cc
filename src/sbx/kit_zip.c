#include "sbx/kit_zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "kit/bundle.h"
#include "tar/entry.h"

enum { BLOCK = 65536, ENTRIES_MAX = 2 * BUNDLE_FILES_MAX, FILE_MODE = 0644 };

static void free_reader(struct archive **archive)
{
	(void)archive_read_free(*archive);
}

static void free_writer(struct archive **archive)
{
	(void)archive_write_free(*archive);
}

static int refuse(struct archive *archive, const char *path, struct err *err)
{
	const char *why = archive_error_string(archive);

	return err_set(err, -EPROTO, "'%s' cannot be read as ZIP: %s", path,
		       why != NULL ? why : "it is damaged");
}

/* The data of one entry, never more than a file of a kit may have. */
static int read_data(struct archive *archive, const char *path, const char *name, struct buf *buf,
		     struct err *err)
{
	for (;;) {
		void *to = buf_reserve(buf, BLOCK);
		la_ssize_t n = to != NULL ? archive_read_data(archive, to, BLOCK) : 0;

		if (to == NULL)
			return err_set(err, -EFBIG, "%s: '%s' is larger than %d MiB", path,
				       tar_show(name).text, BUNDLE_FILE_BYTES_MAX >> 20);
		if (n < 0)
			return refuse(archive, path, err);
		if (n == 0)
			return 0;
		buf->len += (size_t)n;
	}
}

static int read_entry(struct archive *archive, struct archive_entry *entry, const char *path,
		      struct kit_bundle *bundle, struct err *err)
{
	const char *name = archive_entry_pathname(entry);
	autocall(buf_finish) struct buf content = { .data = NULL };
	autofree char *normal = NULL;
	int r;

	if (name == NULL)
		return err_set(err, -EPERM, "%s: an entry has no name", path);
	r = tar_name_normalise(name, err, &normal);
	if (r < 0)
		return err_wrap(err, "%s", path);
	if (archive_entry_is_encrypted(entry))
		return err_set(err, -EPERM, "%s: '%s' is encrypted", path, tar_show(name).text);
	if (archive_entry_filetype(entry) == AE_IFDIR)
		return 0;
	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != NULL)
		return err_set(err, -EPERM, "%s: '%s' is a link; a kit has regular files only",
			       path, tar_show(name).text);
	buf_init(&content, BUNDLE_FILE_BYTES_MAX + BLOCK);
	r = read_data(archive, path, name, &content, err);
	return r == 0 ? kit_bundle_add_member(bundle, normal, content.data, content.len, err) : r;
}

int kit_zip_read(const char *path, struct kit_bundle *bundle, struct err *err)
{
	autocall(free_reader) struct archive *archive = archive_read_new();
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct archive_entry *entry;
	struct stat st;
	size_t count = 0;
	int r = 0, status;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(err, -errno, "cannot read the kit '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "'%s' is no regular file", path);
	if (archive == NULL || archive_read_support_format_zip(archive) != ARCHIVE_OK)
		return err_set(err, -ENOMEM, "out of memory");
	if (archive_read_open_fd(archive, fd, BLOCK) != ARCHIVE_OK)
		return refuse(archive, path, err);
	while (r == 0 && (status = archive_read_next_header(archive, &entry)) != ARCHIVE_EOF) {
		if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
			return refuse(archive, path, err);
		if (++count > ENTRIES_MAX)
			return err_set(err, -EFBIG, "'%s' has more than %d entries", path,
				       ENTRIES_MAX);
		r = read_entry(archive, entry, path, bundle, err);
	}
	if (r == 0 && bundle->spec.len == 0)
		r = err_set(err, -ENOENT, "'%s' is no kit: it has no spec.yaml at its top", path);
	return r;
}

static la_ssize_t append(struct archive *archive, void *context, const void *bytes, size_t len)
{
	(void)archive;
	return buf_append(context, bytes, len) < 0 ? -1 : (la_ssize_t)len;
}

/* Without a time: ZIP keeps that of some zone, and bytes would depend on it. */
static int write_entry(struct archive *archive, const char *name, const void *bytes, size_t len)
{
	struct archive_entry *entry = archive_entry_new();
	bool is_done;

	if (entry == NULL)
		return -ENOMEM;
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, FILE_MODE);
	archive_entry_set_size(entry, (la_int64_t)len);
	is_done = archive_write_header(archive, entry) == ARCHIVE_OK &&
		  (len == 0 || archive_write_data(archive, bytes, len) == (la_ssize_t)len);
	archive_entry_free(entry);
	return is_done ? 0 : -ENOMEM;
}

static int write_entries(struct archive *archive, const struct kit_bundle *bundle)
{
	int r = write_entry(archive, "spec.yaml", bundle->spec.data, bundle->spec.len);

	if (r == 0 && bundle->signature.len > 0)
		r = write_entry(archive, "kit.sig.bundle", bundle->signature.data,
				bundle->signature.len);
	for (size_t i = 0; r == 0 && i < bundle->count; i++) {
		autofree char *name = NULL;

		if (asprintf(&name, "files/%s", bundle->files[i].path) < 0) {
			name = NULL;
			return -ENOMEM;
		}
		r = write_entry(archive, name, bundle->files[i].bytes, bundle->files[i].len);
	}
	return r == 0 && archive_write_close(archive) == ARCHIVE_OK ? 0 : -ENOMEM;
}

int kit_zip_write(const struct kit_bundle *bundle, const char *path, struct err *err)
{
	autocall(free_writer) struct archive *archive = archive_write_new();
	autocall(buf_finish) struct buf bytes;
	int r;

	buf_init(&bytes, 2UL * BUNDLE_BYTES_MAX);
	if (archive == NULL || archive_write_set_format_zip(archive) != ARCHIVE_OK ||
	    archive_write_set_options(archive, "zip:!experimental") == ARCHIVE_FATAL ||
	    archive_write_open(archive, &bytes, NULL, append, NULL) != ARCHIVE_OK ||
	    write_entries(archive, bundle) < 0)
		return err_set(err, -ENOMEM, "cannot make the ZIP file '%s'", path);
	r = file_write(AT_FDCWD, path, bytes.data, bytes.len, FILE_MODE);
	return r < 0 ? err_set_errno(err, r, "cannot write '%s'", path) : 0;
}
