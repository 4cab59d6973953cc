#include "kit/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "kit/digest.h"
#include "tar/entry.h"
#include "yaml/document.h"

int kit_bundle_init(struct kit_bundle *bundle, const char *name)
{
	*bundle = (struct kit_bundle){ .name = strdup(name) };
	buf_init(&bundle->spec, DOCUMENT_BYTES_MAX);
	buf_init(&bundle->signature, BUNDLE_SIGNATURE_MAX);
	return bundle->name != NULL ? 0 : -ENOMEM;
}

void kit_bundle_finish(struct kit_bundle *bundle)
{
	if (bundle == NULL)
		return;
	for (size_t i = 0; i < bundle->count; i++) {
		free(bundle->files[i].path);
		free(bundle->files[i].bytes);
	}
	free(bundle->files);
	free(bundle->name);
	free(bundle->source);
	free(bundle->handle);
	free(bundle->folder);
	free(bundle->stray);
	free(bundle->image);
	buf_finish(&bundle->spec);
	buf_finish(&bundle->signature);
	*bundle = (struct kit_bundle){ .name = NULL };
}

/* Where a file of that path is, or would have to be put. */
static size_t find(const struct kit_bundle *bundle, const char *path)
{
	size_t low = 0, high = bundle->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(bundle->files[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has_at(const struct kit_bundle *bundle, size_t at, const char *path)
{
	return at < bundle->count && strcmp(bundle->files[at].path, path) == 0;
}

/* A file cannot be a folder as well. */
static int check_no_clash(const struct kit_bundle *bundle, const char *path, struct err *err)
{
	autofree char *above = strdup(path), *below = NULL;
	size_t length = strlen(path), at;

	if (above == NULL || asprintf(&below, "%s/", path) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	at = find(bundle, below);
	if (at < bundle->count && strncmp(bundle->files[at].path, below, length + 1) == 0)
		return err_set(err, -EPERM, "%s: '%s' is both a file and a folder", bundle->name,
			       tar_show(path).text);
	for (char *slash = strrchr(above, '/'); slash != NULL; slash = strrchr(above, '/')) {
		*slash = '\0';
		if (has_at(bundle, find(bundle, above), above))
			return err_set(err, -EPERM, "%s: '%s' is both a file and a folder",
				       bundle->name, tar_show(above).text);
	}
	return 0;
}

static int check_path(const struct kit_bundle *bundle, const char *path, struct err *err)
{
	autofree char *normal = NULL;
	int r = tar_name_normalise(path, err, &normal);

	if (r < 0)
		return err_wrap(err, "%s", bundle->name);
	for (const char *at = path; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == '\\' || *at == 0x7f)
			return err_set(err, -EPERM,
				       "%s: '%s' has a character that names may not have",
				       bundle->name, tar_show(path).text);
	if (strcmp(normal, path) != 0 ||
	    (strncmp(path, "home/", 5) != 0 && strncmp(path, "workspace/", 10) != 0))
		return err_set(err, -EPERM, "%s: '%s' is not below home/ or workspace/",
			       bundle->name, tar_show(path).text);
	return 0;
}

static int insert(struct kit_bundle *bundle, size_t at, const char *path, const void *bytes,
		  size_t len)
{
	struct kit_file *files =
		reallocarray(bundle->files, bundle->count + 1, sizeof(*bundle->files));
	struct kit_file file = { .path = strdup(path), .bytes = malloc(len + 1), .len = len };

	if (files != NULL)
		bundle->files = files;
	if (files == NULL || file.path == NULL || file.bytes == NULL) {
		free(file.path);
		free(file.bytes);
		return -ENOMEM;
	}
	if (len > 0)
		memcpy(file.bytes, bytes, len);
	memmove(&files[at + 1], &files[at], (bundle->count - at) * sizeof(*files));
	files[at] = file;
	bundle->count++;
	bundle->bytes += len;
	return 0;
}

int kit_bundle_add(struct kit_bundle *bundle, const char *path, const void *bytes, size_t len,
		   struct err *err)
{
	int r = check_path(bundle, path, err);
	size_t at = r == 0 ? find(bundle, path) : 0;

	if (r == 0 && has_at(bundle, at, path))
		r = err_set(err, -EPERM, "%s: '%s' is there twice", bundle->name,
			    tar_show(path).text);
	if (r == 0)
		r = check_no_clash(bundle, path, err);
	if (r < 0)
		return r;
	if (len > BUNDLE_FILE_BYTES_MAX)
		return err_set(err, -EFBIG, "%s: '%s' is larger than %d MiB", bundle->name,
			       tar_show(path).text, BUNDLE_FILE_BYTES_MAX >> 20);
	if (bundle->count == BUNDLE_FILES_MAX || len > BUNDLE_BYTES_MAX - bundle->bytes)
		return err_set(err, -EFBIG,
			       "%s: more than %d files or %d MiB; a kit is for settings, and "
			       "software belongs in a template",
			       bundle->name, BUNDLE_FILES_MAX, BUNDLE_BYTES_MAX >> 20);
	r = insert(bundle, at, path, bytes, len);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

static bool is_below(const char *path, const char *folder)
{
	return strncmp(path, folder, strlen(folder)) == 0;
}

static int add_whole(struct kit_bundle *bundle, struct buf *to, const char *path, const void *bytes,
		     size_t len, struct err *err)
{
	int r = to->len > 0 ? -EEXIST : buf_append(to, bytes, len);

	if (r == -EEXIST)
		return err_set(err, -EPERM, "%s: '%s' is there twice", bundle->name, path);
	if (r == -ENOBUFS)
		return err_set(err, -EFBIG, "%s: '%s' is larger than %zu KiB", bundle->name, path,
			       to->max / 1024);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

int kit_bundle_add_member(struct kit_bundle *bundle, const char *path, const void *bytes,
			  size_t len, struct err *err)
{
	if (strcmp(path, "spec.yaml") == 0)
		return add_whole(bundle, &bundle->spec, path, bytes, len, err);
	if (strcmp(path, "kit.sig.bundle") == 0)
		return add_whole(bundle, &bundle->signature, path, bytes, len, err);
	if (!is_below(path, "files/"))
		return 0;
	path += strlen("files/");
	if (is_below(path, "home/") || is_below(path, "workspace/"))
		return kit_bundle_add(bundle, path, bytes, len, err);
	if (bundle->stray == NULL)
		bundle->stray = strdup(path);
	return 0;
}

int kit_bundle_digest(const struct kit_bundle *bundle, char ret[BUNDLE_DIGEST_SIZE],
		      struct buf *ret_listing)
{
	autocall(buf_finish) struct buf listing;
	char hex[DIGEST_HEX_SIZE];
	int r;

	buf_init(&listing, (BUNDLE_FILES_MAX + 1) * (TAR_NAME_MAX + DIGEST_TEXT_SIZE + 8UL));
	digest_hex(bundle->spec.data, bundle->spec.len, hex);
	r = buf_printf(&listing, "%s  spec.yaml\n", hex);
	for (size_t i = 0; r == 0 && i < bundle->count; i++) {
		digest_hex(bundle->files[i].bytes, bundle->files[i].len, hex);
		r = buf_printf(&listing, "%s  files/%s\n", hex, bundle->files[i].path);
	}
	if (r == 0)
		digest_text(listing.data, listing.len, ret);
	if (r == 0 && ret_listing != NULL)
		r = buf_append(ret_listing, listing.data, listing.len);
	return r;
}
