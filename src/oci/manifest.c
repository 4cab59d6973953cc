#include "oci/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "oci/text.h"

static const char what[] = "the image's manifest";

static const struct {
	const char *media_type;
	enum oci_compression compression;
} kinds[] = {
	{ "application/vnd.oci.image.layer.v1.tar", OCI_TAR },
	{ "application/vnd.oci.image.layer.v1.tar+gzip", OCI_GZIP },
	{ "application/vnd.oci.image.layer.v1.tar+zstd", OCI_ZSTD },
	{ "application/vnd.docker.image.rootfs.diff.tar", OCI_TAR },
	{ "application/vnd.docker.image.rootfs.diff.tar.gzip", OCI_GZIP },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd", OCI_ZSTD },
};

int oci_descriptor_parse(const char *whose, const json_t *object, struct oci_descriptor *ret,
			 struct err *err)
{
	const json_t *size = json_object_get(object, "size");
	const char *digest;
	int r = oci_text_string(whose, object, "digest", &digest, err);

	if (r < 0)
		return r;
	if (digest == NULL || !oci_digest_is_valid(digest))
		return err_set(err, -EPROTO, "%s: '%.80s' is no SHA-256 digest", whose,
			       digest != NULL ? digest : "");
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return err_set(err, -EPROTO, "%s: a size is no number of bytes", whose);
	memcpy(ret->digest, digest, OCI_DIGEST_SIZE - 1);
	ret->digest[OCI_DIGEST_SIZE - 1] = '\0';
	ret->size_bytes = (uint64_t)json_integer_value(size);
	return 0;
}

static int parse_mark(const json_t *layer, struct oci_layer *ret, struct err *err)
{
	const char *mark;
	json_t *annotations;
	int r = oci_text_object(what, layer, "annotations", &annotations, err);

	if (r == 0)
		r = oci_text_string(what, annotations, OCI_LAYER_MARK, &mark, err);
	if (r == 0 && mark != NULL && strlen(mark) < sizeof(ret->mark))
		memcpy(ret->mark, mark, strlen(mark) + 1);
	return r;
}

static int parse_layer(const json_t *json, struct oci_layer *ret, struct err *err)
{
	const char *media_type;
	int r;

	*ret = (struct oci_layer){ .mark = "" };
	if (!json_is_object(json))
		return err_set(err, -EPROTO, "%s: a layer is no object", what);
	r = oci_descriptor_parse(what, json, &ret->descriptor, err);
	if (r == 0)
		r = oci_text_string(what, json, "mediaType", &media_type, err);
	if (r == 0)
		r = parse_mark(json, ret, err);
	if (r < 0)
		return r;
	for (size_t i = 0; media_type != NULL && i < countof(kinds); i++) {
		if (strcmp(media_type, kinds[i].media_type) == 0) {
			ret->compression = kinds[i].compression;
			return 0;
		}
	}
	return err_set(err, -EPROTO, "%s: a layer is of the unknown kind '%.120s'", what,
		       media_type != NULL ? media_type : "");
}

static int parse(const json_t *json, struct oci_manifest *ret, struct err *err)
{
	json_t *config, *layers, *layer;
	size_t i;
	int r = oci_text_check_version(what, json, err);

	ret->count = 0;
	if (r == 0)
		r = oci_text_object(what, json, "config", &config, err);
	if (r == 0)
		r = oci_descriptor_parse(what, config, &ret->config, err);
	if (r == 0)
		r = oci_text_list(what, json, "layers", OCI_LAYERS_MAX, &layers, err);
	if (r < 0)
		return r;
	json_array_foreach(layers, i, layer)
	{
		r = parse_layer(layer, &ret->layers[ret->count++], err);
		if (r < 0)
			return r;
	}
	return ret->count > 0 ? 0 : err_set(err, -EPROTO, "the image has no layer");
}

int oci_manifest_parse(const char *text, size_t len, struct oci_manifest *ret, struct err *err)
{
	json_t *json;
	int r = oci_text_parse(what, text, len, false, &json, err);

	if (r < 0)
		return r;
	r = parse(json, ret, err);
	json_decref(json);
	return r;
}
