#include "sbxd/template_image.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/archive.h"
#include "oci/text.h"
#include "sbxd/template_source.h"

enum { INDEXES_MAX = 3, BLOB_NAME_SIZE = OCI_HEX_SIZE + 16 };

void template_image_finish(struct template_image *image)
{
	if (image == NULL)
		return;
	for (size_t i = 0; i < image->count; i++)
		if (image->blobs[i].fd >= 0)
			(void)close(image->blobs[i].fd);
	json_decref(image->config);
	image->config = NULL;
	image->count = 0;
}

static void blob_name(const char *digest, char ret[BLOB_NAME_SIZE])
{
	(void)snprintf(ret, BLOB_NAME_SIZE, "blobs/sha256/%s", oci_digest_hex(digest));
}

static int check_document(const struct oci_descriptor *descriptor, const struct buf *text,
			  struct err *err)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char digits[OCI_HEX_SIZE];

	(void)crypto_hash_sha256(hash, text->data, text->len);
	(void)sodium_bin2hex(digits, sizeof(digits), hash, sizeof(hash));
	if (text->len == descriptor->size_bytes &&
	    strcmp(digits, oci_digest_hex(descriptor->digest)) == 0)
		return 0;
	return err_set(err, -EPROTO,
		       "the image is refused: what is called %.19s… is sha256:%.12s… of %zu bytes",
		       descriptor->digest, digits, text->len);
}

/* The document that a descriptor leads to. */
static int read_document(const struct template_source *source,
			 const struct oci_descriptor *descriptor, struct buf *text, struct err *err)
{
	char name[BLOB_NAME_SIZE];
	int r;

	blob_name(descriptor->digest, name);
	buf_clear(text);
	r = template_source_read(source, name, text, err);
	return r < 0 ? r : check_document(descriptor, text, err);
}

static int take_config(const struct buf *text, size_t layers, struct oci_config *ret,
		       struct template_image *image, struct err *err)
{
	int r = oci_config_parse((const char *)text->data, text->len, ret, err);

	if (r < 0)
		return r;
	image->config = ret->config;
	memcpy(image->agent, ret->agent, sizeof(image->agent));
	if (ret->count == layers)
		return 0;
	return err_set(err, -EPROTO, "the image is refused: it has %zu layers and %zu diff_ids",
		       layers, ret->count);
}

/* Adds the file called `name` as the next layer. */
static int add_blob(const struct template_source *source, const char *name,
		    struct template_image *image, const char *diff_id, struct template_blob **ret,
		    struct err *err)
{
	struct template_blob *blob = &image->blobs[image->count];
	struct template_part part;
	int r = template_source_open(source, name, &part, err);

	if (r < 0)
		return r;
	*blob = (struct template_blob){ .fd = part.fd,
					.offset = part.offset,
					.size_bytes = part.size_bytes };
	memcpy(blob->diff_id, diff_id, OCI_DIGEST_SIZE - 1);
	image->count++;
	*ret = blob;
	return 0;
}

static int add_layers(const struct template_source *source, const struct oci_manifest *manifest,
		      const struct oci_config *config, struct template_image *image,
		      struct err *err)
{
	for (size_t i = 0; i < manifest->count; i++) {
		const struct oci_layer *layer = &manifest->layers[i];
		char name[BLOB_NAME_SIZE];
		struct template_blob *blob;
		int r;

		blob_name(layer->descriptor.digest, name);
		memcpy(image->marks[image->count], layer->mark, sizeof(layer->mark));
		r = add_blob(source, name, image, config->diff_ids[i], &blob, err);
		if (r < 0)
			return r;
		blob->compression = layer->compression;
		memcpy(blob->digest, layer->descriptor.digest, OCI_DIGEST_SIZE);
		if (blob->size_bytes != layer->descriptor.size_bytes)
			return err_set(err, -EPROTO,
				       "the image is refused: a layer has another size than its "
				       "manifest says");
	}
	return 0;
}

/* index.json, through indexes that it leads to, to the one manifest. */
static int choose(const struct template_source *source, struct buf *text,
		  struct template_image *image, struct oci_choice *ret, struct err *err)
{
	int r = template_source_read(source, "index.json", text, err);

	for (int i = 0; r == 0 && i < INDEXES_MAX; i++) {
		r = oci_index_choose((const char *)text->data, text->len, ret, err);
		if (r == 0 && image->name[0] == '\0')
			memcpy(image->name, ret->name, sizeof(image->name));
		if (r == 0)
			r = read_document(source, &ret->descriptor, text, err);
		if (r < 0 || !ret->is_index)
			return r;
	}
	return r < 0 ? r : err_set(err, -EPROTO, "the image's indexes lead to indexes only");
}

static int read_layout(const struct template_source *source, struct buf *text,
		       struct template_image *image, struct err *err)
{
	autofree struct oci_manifest *manifest = calloc(1, sizeof(*manifest));
	autofree struct oci_config *config = calloc(1, sizeof(*config));
	struct oci_choice choice = { .is_index = false };
	int r;

	if (manifest == NULL || config == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = choose(source, text, image, &choice, err);
	if (r == 0)
		r = oci_manifest_parse((const char *)text->data, text->len, manifest, err);
	if (r == 0)
		r = read_document(source, &manifest->config, text, err);
	if (r == 0)
		r = take_config(text, manifest->count, config, image, err);
	return r < 0 ? r : add_layers(source, manifest, config, image, err);
}

/* manifest.json does not say it; RFC 1952 2.3.1 and RFC 8878 3.1.1 do. */
static enum oci_compression compression_of(const struct template_blob *blob)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b }, zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
	uint8_t head[sizeof(zstd)] = { 0 };

	if (pread(blob->fd, head, sizeof(head), (off_t)blob->offset) != sizeof(head))
		return OCI_TAR;
	if (memcmp(head, gzip, sizeof(gzip)) == 0)
		return OCI_GZIP;
	return memcmp(head, zstd, sizeof(zstd)) == 0 ? OCI_ZSTD : OCI_TAR;
}

static int read_saved(const struct template_source *source, struct buf *text,
		      struct oci_archive *archive, struct template_image *image, struct err *err)
{
	autofree struct oci_config *config = calloc(1, sizeof(*config));
	struct template_blob *blob;
	int r;

	if (config == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	buf_clear(text);
	r = template_source_read(source, archive->config, text, err);
	if (r == 0)
		r = take_config(text, archive->count, config, image, err);
	for (size_t i = 0; r == 0 && i < archive->count; i++) {
		r = add_blob(source, archive->layers[i], image, config->diff_ids[i], &blob, err);
		if (r == 0)
			blob->compression = compression_of(blob);
	}
	if (r == 0 && archive->name != NULL)
		(void)snprintf(image->name, sizeof(image->name), "%s", archive->name);
	return r;
}

/* What `docker save` made before it made OCI layouts. */
static int read_docker(const struct template_source *source, struct buf *text,
		       struct template_image *image, struct err *err)
{
	struct oci_archive archive = { .json = NULL };
	int r = template_source_read(source, "manifest.json", text, err);

	if (r == 0)
		r = oci_archive_parse((const char *)text->data, text->len, &archive, err);
	if (r == 0)
		r = read_saved(source, text, &archive, image, err);
	oci_archive_finish(&archive);
	return r;
}

int template_image_read(const struct template_source *source, struct template_image *ret,
			struct err *err)
{
	autocall(buf_finish) struct buf text = { 0 };

	*ret = (struct template_image){ .count = 0 };
	buf_init(&text, OCI_JSON_MAX);
	if (template_source_has(source, "index.json"))
		return read_layout(source, &text, ret, err);
	if (template_source_has(source, "manifest.json"))
		return read_docker(source, &text, ret, err);
	return err_set(err, -EINVAL,
		       "this is no image: there is neither an index.json (an OCI layout) nor a "
		       "manifest.json (docker save) in it");
}
