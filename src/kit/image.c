#include "kit/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "kit/archive.h"
#include "kit/bundle.h"
#include "yaml/document.h"

enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, GZIP_OS_UNKNOWN = 255 };

#define NO_TIME "1970-01-01T00:00:00Z"

/* RFC 1952 with neither time nor name in its header. */
static int compress_into(const struct buf *from, struct buf *to)
{
	gz_header header = { .os = GZIP_OS_UNKNOWN };
	z_stream zlib = { .next_in = from->data, .avail_in = (uInt)from->len };
	size_t bound;
	int r = -ENOMEM;

	if (deflateInit2(&zlib, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	bound = deflateBound(&zlib, from->len);
	zlib.next_out = buf_reserve(to, bound);
	zlib.avail_out = (uInt)bound;
	if (zlib.next_out != NULL && deflateSetHeader(&zlib, &header) == Z_OK &&
	    deflate(&zlib, Z_FINISH) == Z_STREAM_END) {
		to->len += bound - zlib.avail_out;
		r = 0;
	}
	(void)deflateEnd(&zlib);
	return r;
}

static int write_layer(const struct kit_bundle *bundle, struct kit_image *image, struct err *err)
{
	static const uint8_t empty[1024]; /* an archive of nothing */
	const struct archive_layer layer = { .bundle = bundle };
	autocall(buf_finish) struct buf archive;
	int r;

	buf_init(&archive, IMAGE_LAYER_MAX);
	r = kit_archive(&layer, 1, &archive, err);
	if (r == 0 && archive.len == 0 && buf_append(&archive, empty, sizeof(empty)) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r == 0 && compress_into(&archive, &image->layer) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	return r;
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_t *make_annotations(const struct kit_bundle *bundle, const json_t *spec)
{
	static const struct {
		const char *annotation, *member;
	} rows[] = { { "org.opencontainers.image.description", "description" },
		     { "org.opencontainers.image.source", "sourceURL" },
		     { "org.opencontainers.image.title", "displayName" },
		     { "vnd.docker.sandbox.kit.kind", "kind" },
		     { "vnd.docker.sandbox.kit.name", "name" },
		     { "vnd.docker.sandbox.kit.version", "version" } };
	json_t *annotations = json_pack("{s:s, s:s}", "org.opencontainers.image.created", NO_TIME,
					"org.opencontainers.image.title", text(spec, "name"));
	int r = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (json_object_get(spec, rows[i].member) != NULL)
			r |= json_object_set(annotations, rows[i].annotation,
					     json_object_get(spec, rows[i].member));
	if (bundle->signature.len > 0)
		r |= json_object_set_new(
			annotations, KIT_IMAGE_SIGNATURE,
			json_stringn((const char *)bundle->signature.data, bundle->signature.len));
	if (r == 0)
		return annotations;
	json_decref(annotations);
	return NULL;
}

static json_t *descriptor(const char *type, const char *digest, size_t size)
{
	return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size",
			 (json_int_t)size);
}

static int write_manifest(const struct kit_bundle *bundle, const json_t *spec,
			  struct kit_image *image)
{
	json_t *manifest = json_pack(
		"{s:i, s:s, s:s, s:o, s:[o], s:o}", "schemaVersion", 2, "mediaType",
		KIT_IMAGE_MANIFEST_TYPE, "artifactType", KIT_IMAGE_TYPE, "config",
		descriptor(KIT_IMAGE_CONFIG_TYPE, image->config_digest, bundle->spec.len), "layers",
		descriptor(KIT_IMAGE_LAYER_TYPE, image->layer_digest, image->layer.len),
		"annotations", make_annotations(bundle, spec));
	autofree char *bytes = json_dumps(manifest, JSON_COMPACT | JSON_SORT_KEYS);
	int r = bytes != NULL ? buf_append(&image->manifest, bytes, strlen(bytes)) : -ENOMEM;

	json_decref(manifest);
	return r;
}

int kit_image_write(const struct kit_bundle *bundle, const json_t *spec, struct kit_image *ret,
		    struct err *err)
{
	struct kit_image image;
	int r;

	buf_init(&image.layer, IMAGE_LAYER_MAX);
	buf_init(&image.manifest, IMAGE_MANIFEST_MAX);
	r = write_layer(bundle, &image, err);
	if (r == 0) {
		digest_text(image.layer.data, image.layer.len, image.layer_digest);
		digest_text(bundle->spec.data, bundle->spec.len, image.config_digest);
		r = write_manifest(bundle, spec, &image);
		if (r < 0)
			(void)err_set(err, r, "out of memory");
	}
	if (r < 0) {
		kit_image_finish(&image);
		return r;
	}
	digest_text(image.manifest.data, image.manifest.len, image.manifest_digest);
	*ret = image;
	return 0;
}

void kit_image_finish(struct kit_image *image)
{
	if (image == NULL)
		return;
	buf_finish(&image->layer);
	buf_finish(&image->manifest);
}
