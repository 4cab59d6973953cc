#include "sbx/kit_oci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "kit/bundle.h"
#include "kit/image.h"
#include "oci/digest.h"
#include "oci/index.h"
#include "sbx/tool.h"
#include "yaml/document.h"

#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"

enum { INDEX_MAX = 1 << 20, FOLDER_MODE = 0700, FILE_MODE = 0600 };

/* skopeo copies one image; nothing on its standard output is of use. */
static int copy(const char *from, const char *to, struct err *err)
{
	const char *const argv[] = { "skopeo", "copy", "--quiet", "--", from, to, NULL };

	return tool_run(&(struct tool){ .argv = argv }, err);
}

static int read_file(const char *folder, const char *name, size_t max, struct buf *ret,
		     struct err *err)
{
	autofree char *path = NULL;
	int r;

	buf_init(ret, max);
	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = file_read(AT_FDCWD, path, ret);
	if (r == -EFBIG)
		return err_set(err, r, "a part of the image is larger than %zu KiB", max / 1024);
	return r < 0 ? err_set_errno(err, r, "cannot read '%s' of the image", name) : 0;
}

static int read_blob(const char *folder, const char *digest, size_t max, struct buf *ret,
		     struct err *err)
{
	char name[DIGEST_TEXT_SIZE + 16];

	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", oci_digest_hex(digest));
	return read_file(folder, name, max, ret, err);
}

/* The manifest that the index names, and what it is really made of. */
static int read_manifest(const char *folder, struct buf *ret, struct err *err)
{
	autocall(buf_finish) struct buf index;
	struct oci_choice choice;
	char digest[DIGEST_TEXT_SIZE];
	int r = read_file(folder, "index.json", INDEX_MAX, &index, err);

	if (r == 0)
		r = oci_index_choose((const char *)index.data, index.len, &choice, err);
	if (r == 0 && choice.is_index)
		r = err_set(err, -EPROTO, "the image is an index of images");
	if (r == 0)
		r = read_blob(folder, choice.descriptor.digest, IMAGE_MANIFEST_MAX, ret, err);
	if (r < 0)
		return r;
	digest_text(ret->data, ret->len, digest);
	return strcmp(digest, choice.descriptor.digest) == 0
		       ? 0
		       : err_set(err, -EBADMSG, "the manifest is not what its digest says");
}

static int read_parts(const char *folder, const struct kit_image_parts *parts,
		      struct kit_bundle *bundle, struct err *err)
{
	autocall(buf_finish) struct buf config, layer;
	int r;

	buf_init(&layer, 0);
	r = read_blob(folder, parts->config, DOCUMENT_BYTES_MAX, &config, err);
	if (r == 0)
		r = kit_image_add_config(config.data, config.len, parts->config, bundle, err);
	if (r == 0 && parts->has_layer)
		r = read_blob(folder, parts->layer, IMAGE_LAYER_MAX, &layer, err);
	if (r == 0 && parts->has_layer)
		r = kit_image_add_layer(layer.data, layer.len, parts->layer, bundle, err);
	return r;
}

static int read_layout(const char *folder, struct kit_bundle *bundle, struct err *err)
{
	autocall(buf_finish) struct buf manifest;
	struct kit_image_parts parts;
	int r;

	buf_init(&manifest, 0);
	r = read_manifest(folder, &manifest, err);
	if (r == 0)
		r = kit_image_read(manifest.data, manifest.len, bundle, &parts, err);
	if (r == 0 && parts.config[0] != '\0')
		r = read_parts(folder, &parts, bundle, err);
	return r;
}

int kit_oci_read(const char *reference, struct kit_bundle *bundle, struct err *err)
{
	autofree char *folder = NULL, *from = NULL, *to = NULL;
	int r = tool_make_folder(&folder, err);

	if (r < 0)
		return r;
	if (asprintf(&from, "docker://%s", reference) < 0 ||
	    asprintf(&to, "oci:%s:kit", folder) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = copy(from, to, err);
	if (r == 0)
		r = read_layout(folder, bundle, err);
	(void)file_remove_tree(AT_FDCWD, folder);
	return r < 0 ? err_wrap(err, "%s", reference) : 0;
}

static int write_file(const char *folder, const char *name, const void *bytes, size_t len,
		      struct err *err)
{
	autofree char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = file_write(AT_FDCWD, path, bytes, len, FILE_MODE);
	return r < 0 ? err_set_errno(err, r, "cannot write '%s'", path) : 0;
}

static int write_blob(const char *folder, const char *digest, const struct buf *bytes,
		      struct err *err)
{
	char name[DIGEST_TEXT_SIZE + 16];

	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", oci_digest_hex(digest));
	return write_file(folder, name, bytes->data, bytes->len, err);
}

static int write_layout(const char *folder, const struct kit_bundle *bundle,
			const struct kit_image *image, struct err *err)
{
	autofree char *blobs = NULL, *index = NULL;
	int r;

	if (asprintf(&blobs, "%s/blobs/sha256", folder) < 0 ||
	    asprintf(&index,
		     "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\","
		     "\"size\":%zu,\"annotations\":{\"org.opencontainers.image.ref.name\":\"kit\"}}"
		     "]}",
		     KIT_IMAGE_MANIFEST_TYPE, image->manifest_digest, image->manifest.len) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = file_make_folders(blobs, FOLDER_MODE);
	if (r < 0)
		return err_set_errno(err, r, "cannot make '%s'", blobs);
	r = write_blob(folder, image->config_digest, &bundle->spec, err);
	if (r == 0)
		r = write_blob(folder, image->layer_digest, &image->layer, err);
	if (r == 0)
		r = write_blob(folder, image->manifest_digest, &image->manifest, err);
	if (r == 0)
		r = write_file(folder, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), err);
	return r == 0 ? write_file(folder, "index.json", index, strlen(index), err) : r;
}

int kit_oci_push(const struct kit_bundle *bundle, const struct kit_image *image,
		 const char *reference, struct err *err)
{
	autofree char *folder = NULL, *from = NULL, *to = NULL;
	int r = tool_make_folder(&folder, err);

	if (r < 0)
		return r;
	if (asprintf(&from, "oci:%s:kit", folder) < 0 ||
	    asprintf(&to, "docker://%s", reference) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = write_layout(folder, bundle, image, err);
	if (r == 0)
		r = copy(from, to, err);
	(void)file_remove_tree(AT_FDCWD, folder);
	return r < 0 ? err_wrap(err, "%s", reference) : 0;
}
