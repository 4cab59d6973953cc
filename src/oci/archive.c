#include "oci/archive.h"

#include <errno.h>

#include "base/err.h"
#include "oci/text.h"

static const char what[] = "the archive's manifest.json";

void oci_archive_finish(struct oci_archive *archive)
{
	json_decref(archive->json);
	archive->json = NULL;
}

static int parse_layers(const json_t *image, struct oci_archive *ret, struct err *err)
{
	json_t *list, *name;
	size_t i;
	int r = oci_text_list(what, image, "Layers", OCI_LAYERS_MAX, &list, err);

	if (r < 0)
		return r;
	json_array_foreach(list, i, name)
	{
		ret->layers[ret->count] = json_string_value(name);
		if (ret->layers[ret->count++] == NULL)
			return err_set(err, -EPROTO, "%s: a layer is no name of a file", what);
	}
	return ret->count > 0 ? 0 : err_set(err, -EPROTO, "the image has no layer");
}

static int parse(struct oci_archive *ret, struct err *err)
{
	const json_t *image = json_array_get(ret->json, 0);
	json_t *names;
	int r;

	if (json_array_size(ret->json) != 1)
		return err_set(err, -EINVAL, "there are %zu images in it; save one alone",
			       json_array_size(ret->json));
	if (!json_is_object(image))
		return err_set(err, -EPROTO, "%s: an image is no object", what);
	r = oci_text_string(what, image, "Config", &ret->config, err);
	if (r == 0 && ret->config == NULL)
		r = err_set(err, -EPROTO, "%s names no configuration", what);
	if (r == 0)
		r = oci_text_list(what, image, "RepoTags", OCI_LAYERS_MAX, &names, err);
	if (r == 0)
		r = parse_layers(image, ret, err);
	if (r == 0)
		ret->name = json_string_value(json_array_get(names, 0));
	return r;
}

int oci_archive_parse(const char *text, size_t len, struct oci_archive *ret, struct err *err)
{
	struct oci_archive archive = { .json = NULL };
	int r = oci_text_parse(what, text, len, true, &archive.json, err);

	if (r == 0)
		r = parse(&archive, err);
	if (r < 0)
		oci_archive_finish(&archive);
	else
		*ret = archive;
	return r;
}
