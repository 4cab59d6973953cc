/* Manifests come from strangers; what is in them is believed once it is checked. */
#include "kit/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "inflate/inflater.h"
#include "kit/bundle.h"
#include "kit/untar.h"
#include "yaml/document.h"

#define DESCRIPTOR "vnd.docker.sandbox.kit.descriptor"
#define ZIP_TYPE "application/vnd.docker.sandbox.kit.v1.content.zip"

enum { DESCRIPTOR_MAX = 512 << 10, DIGEST_DIGITS = 64, RATIO_MAX = 1100, FREE_BYTES = 1 << 20 };

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "";
}

static bool is_digest(const char *digest)
{
	return strncmp(digest, "sha256:", 7) == 0 && strlen(digest) == 7 + DIGEST_DIGITS &&
	       strspn(digest + 7, "0123456789abcdef") == DIGEST_DIGITS;
}

static int append(struct buf *to, const char *what, const void *bytes, size_t len,
		  const struct kit_bundle *bundle, struct err *err)
{
	int r = buf_append(to, bytes, len);

	if (r == -ENOBUFS)
		return err_set(err, -EFBIG, "%s: the %s is larger than %zu KiB", bundle->name, what,
			       to->max / 1024);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

static int take_digest(const struct kit_bundle *bundle, const json_t *object,
		       char ret[DIGEST_TEXT_SIZE], struct err *err)
{
	const char *digest = text(object, "digest");

	if (!is_digest(digest))
		return err_set(err, -EPROTO, "%s: the manifest has no digest where one must be",
			       bundle->name);
	memcpy(ret, digest, DIGEST_TEXT_SIZE);
	return 0;
}

/* The first layer with files; what else is there is for others. */
static int take_layer(const struct kit_bundle *bundle, const json_t *layers,
		      struct kit_image_parts *parts, struct err *err)
{
	const json_t *layer = json_array_get(layers, 0);
	const char *type = text(layer, "mediaType");

	if (layer == NULL)
		return 0;
	if (strcmp(type, ZIP_TYPE) == 0)
		return err_set(err, -EPROTO,
			       "%s: a kit in the older form of an image; pull it with the program "
			       "that wrote it, and push it again",
			       bundle->name);
	if (strcmp(type, KIT_IMAGE_LAYER_TYPE) != 0)
		return err_set(err, -EPROTO, "%s: the layer of a kit cannot be '%.100s'",
			       bundle->name, type);
	parts->has_layer = true;
	return take_digest(bundle, layer, parts->layer, err);
}

static int read_manifest(const json_t *manifest, struct kit_bundle *bundle,
			 struct kit_image_parts *parts, struct err *err)
{
	const json_t *config = json_object_get(manifest, "config");
	const json_t *annotations = json_object_get(manifest, "annotations");
	const char *descriptor = text(annotations, DESCRIPTOR);
	const char *signature = text(annotations, KIT_IMAGE_SIGNATURE);
	int r = 0;

	if (descriptor[0] != '\0')
		return append(&bundle->spec, "description", descriptor, strlen(descriptor), bundle,
			      err);
	if (strcmp(text(config, "mediaType"), KIT_IMAGE_CONFIG_TYPE) != 0)
		return err_set(err, -EPROTO, "%s: an image, and no kit", bundle->name);
	if (signature[0] != '\0')
		r = append(&bundle->signature, "signature", signature, strlen(signature), bundle,
			   err);
	if (r == 0)
		r = take_digest(bundle, config, parts->config, err);
	return r == 0 ? take_layer(bundle, json_object_get(manifest, "layers"), parts, err) : r;
}

int kit_image_read(const void *bytes, size_t len, struct kit_bundle *bundle,
		   struct kit_image_parts *ret, struct err *err)
{
	struct kit_image_parts parts = { .has_layer = false };
	json_t *manifest = len <= IMAGE_MANIFEST_MAX
				   ? json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL)
				   : NULL;
	int r;

	if (!json_is_object(manifest))
		r = err_set(err, -EPROTO, "%s: the manifest is no JSON object", bundle->name);
	else
		r = read_manifest(manifest, bundle, &parts, err);
	json_decref(manifest);
	if (r == 0)
		*ret = parts;
	return r;
}

static int check_digest(const char *what, const void *bytes, size_t len, const char *digest,
			const struct kit_bundle *bundle, struct err *err)
{
	char got[DIGEST_TEXT_SIZE];

	digest_text(bytes, len, got);
	return strcmp(got, digest) == 0
		       ? 0
		       : err_set(err, -EBADMSG, "%s: the %s is not what the manifest names",
				 bundle->name, what);
}

int kit_image_add_config(const void *bytes, size_t len, const char *digest,
			 struct kit_bundle *bundle, struct err *err)
{
	int r = check_digest("configuration", bytes, len, digest, bundle, err);

	return r == 0 ? append(&bundle->spec, "spec.yaml", bytes, len, bundle, err) : r;
}

/* What the inflater's sink needs. */
struct layer_sink {
	struct kit_untar *untar;
	struct err *err;
};

static int untar_block(void *context, const uint8_t *bytes, size_t len)
{
	struct layer_sink *sink = context;

	return kit_untar_feed(sink->untar, bytes, len, sink->err);
}

static int inflate_layer(const void *bytes, size_t len, struct layer_sink *sink,
			 const struct kit_bundle *bundle)
{
	const struct inflater_config config = { .format = &inflater_gzip,
						.free_bytes = FREE_BYTES,
						.ratio_max = RATIO_MAX };
	struct inflater *inflater;
	int r = inflater_create(&config, &inflater);

	if (r < 0)
		return err_set(sink->err, r, "out of memory");
	r = inflater_feed(inflater, bytes, len, true, untar_block, sink);
	inflater_destroy(inflater);
	if (r < 0 && sink->err->code == 0)
		r = err_set(sink->err, r, "%s: the layer is no gzip, or a bomb", bundle->name);
	return r == 0 ? kit_untar_finish(sink->untar, sink->err) : r;
}

int kit_image_add_layer(const void *bytes, size_t len, const char *digest,
			struct kit_bundle *bundle, struct err *err)
{
	struct layer_sink sink = { .err = err };
	int r = check_digest("layer", bytes, len, digest, bundle, err);

	if (r < 0)
		return r;
	if (kit_untar_create(bundle, KIT_UNTAR_FILES, &sink.untar) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = inflate_layer(bytes, len, &sink, bundle);
	kit_untar_destroy(sink.untar);
	return r;
}
