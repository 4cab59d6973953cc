#include "oci/index.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "oci/manifest.h"
#include "oci/text.h"

enum { MANIFESTS_MAX = 256 };

static const char what[] = "the image's index";

/* One entry, taken apart; strings are weak. */
struct entry {
	struct oci_descriptor descriptor;
	const char *media_type, *os, *architecture, *name;
};

static int unpack_platform(const json_t *json, struct entry *ret, struct err *err)
{
	json_t *platform;
	int r = oci_text_object(what, json, "platform", &platform, err);

	if (r == 0)
		r = oci_text_string(what, platform, "os", &ret->os, err);
	return r < 0 ? r : oci_text_string(what, platform, "architecture", &ret->architecture, err);
}

/* Who wrote the archive decides by which annotation the image is named. */
static int unpack_name(const json_t *json, struct entry *ret, struct err *err)
{
	json_t *annotations;
	int r = oci_text_object(what, json, "annotations", &annotations, err);

	if (r == 0)
		r = oci_text_string(what, annotations, "io.containerd.image.name", &ret->name, err);
	if (r == 0 && ret->name == NULL)
		r = oci_text_string(what, annotations, "org.opencontainers.image.ref.name",
				    &ret->name, err);
	return r;
}

static int unpack_entry(const json_t *json, struct entry *ret, struct err *err)
{
	int r;

	*ret = (struct entry){ .name = NULL };
	if (!json_is_object(json))
		return err_set(err, -EPROTO, "%s: an entry is no object", what);
	r = oci_descriptor_parse(what, json, &ret->descriptor, err);
	if (r == 0)
		r = oci_text_string(what, json, "mediaType", &ret->media_type, err);
	if (r == 0)
		r = unpack_platform(json, ret, err);
	return r < 0 ? r : unpack_name(json, ret, err);
}

static bool is_type(const struct entry *entry, const char *oci, const char *docker)
{
	return entry->media_type != NULL &&
	       (strcmp(entry->media_type, oci) == 0 || strcmp(entry->media_type, docker) == 0);
}

static bool is_index(const struct entry *entry)
{
	return is_type(entry, "application/vnd.oci.image.index.v1+json",
		       "application/vnd.docker.distribution.manifest.list.v2+json");
}

static bool is_image(const struct entry *entry)
{
	return is_type(entry, "application/vnd.oci.image.manifest.v1+json",
		       "application/vnd.docker.distribution.manifest.v2+json");
}

/* Without a platform the configuration will tell. */
static bool is_ours(const struct entry *entry)
{
	return entry->architecture == NULL || entry->os == NULL ||
	       (strcmp(entry->architecture, "amd64") == 0 && strcmp(entry->os, "linux") == 0);
}

static int choose(const json_t *list, struct entry *ret, struct err *err)
{
	struct entry entry, chosen = { .name = NULL }, other = { .name = NULL };
	unsigned count = 0;
	size_t i;
	json_t *json;

	json_array_foreach(list, i, json)
	{
		int r = unpack_entry(json, &entry, err);

		if (r < 0)
			return r;
		if (!is_index(&entry) && !is_image(&entry))
			continue;
		if (!is_ours(&entry)) {
			other = entry;
			continue;
		}
		/* the same image under two names is one image */
		if (count > 0 && strcmp(chosen.descriptor.digest, entry.descriptor.digest) == 0)
			continue;
		chosen = entry;
		count++;
	}
	if (count == 0 && other.os != NULL)
		return err_set(err, -ENOENT,
			       "the image is for %.32s/%.32s, and sandboxes run linux/amd64",
			       other.os, other.architecture);
	if (count != 1)
		return err_set(err, count == 0 ? -ENOENT : -EINVAL,
			       count == 0 ? "there is no image in it"
					  : "there are several images in it; save one alone");
	*ret = chosen;
	return 0;
}

static int choose_from(const json_t *index, struct oci_choice *ret, struct err *err)
{
	struct entry entry = { .name = NULL };
	json_t *list;
	int r = oci_text_check_version(what, index, err);

	if (r == 0)
		r = oci_text_list(what, index, "manifests", MANIFESTS_MAX, &list, err);
	if (r == 0)
		r = choose(list, &entry, err);
	if (r < 0)
		return r;
	*ret = (struct oci_choice){ .descriptor = entry.descriptor, .is_index = is_index(&entry) };
	(void)snprintf(ret->name, sizeof(ret->name), "%s", entry.name != NULL ? entry.name : "");
	return 0;
}

int oci_index_choose(const char *text, size_t len, struct oci_choice *ret, struct err *err)
{
	json_t *json;
	int r = oci_text_parse(what, text, len, false, &json, err);

	if (r < 0)
		return r;
	r = choose_from(json, ret, err);
	json_decref(json);
	return r;
}
