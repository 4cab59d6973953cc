#include "sbxd/template_import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "oci/reference.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_image.h"
#include "sbxd/template_store.h"

/* How many archives each layer is made of: one, but for the top ones. */
struct plan {
	size_t counts[TEMPLATE_LAYERS_MAX];
	size_t layers;
};

static int make_plan(size_t archives, struct plan *ret, struct err *err)
{
	size_t left;

	if (archives > TEMPLATE_LAYERS_MAX * (size_t)TEMPLATE_MERGE_MAX)
		return err_set(err, -EINVAL, "the image has %zu layers; %d can be taken", archives,
			       TEMPLATE_LAYERS_MAX * TEMPLATE_MERGE_MAX);
	ret->layers = min_of(archives, (size_t)TEMPLATE_LAYERS_MAX);
	left = archives - ret->layers;
	for (size_t i = ret->layers; i-- > 0;) {
		size_t more = min_of(left, (size_t)TEMPLATE_MERGE_MAX - 1);

		ret->counts[i] = 1 + more;
		left -= more;
	}
	return 0;
}

/* Whether a layer that came with the programs is the one that the mark tells of. */
static bool is_marked(const char *layer, const char *mark)
{
	autofree char *content = NULL;
	unsigned long long size;
	struct stat info;

	if (sscanf(mark, "erofs:%llu:", &size) != 1 || stat(layer, &info) < 0 ||
	    (unsigned long long)info.st_size != size)
		return false;
	return template_layer_hash(layer, &content) == 0 && strcmp(content, mark) == 0;
}

/* The layer of this installation that an exported one came from; NULL: none. */
static char *find_marked(const struct templates *templates, const char *mark)
{
	struct template *all = NULL;
	size_t count = 0;
	char *found = NULL;

	if (strncmp(mark, "erofs:", 6) != 0 || templates_list(templates, &all, &count) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const struct string_list *layers = &all[i].layers;

		for (size_t j = 0; found == NULL && j < layers->count; j++)
			if (is_marked(layers->items[j], mark))
				found = strdup(layers->items[j]);
		template_finish(&all[i]);
	}
	free(all);
	return found;
}

static int add_layer(struct supervisor *supervisor, const struct template_image *image,
		     size_t first, size_t count, struct template *template, struct err *err)
{
	autofree char *path = NULL;
	int r = 0;

	if (count == 1)
		path = find_marked(&supervisor->templates, image->marks[first]);
	if (path == NULL)
		r = template_layer_make(supervisor->store, &supervisor->artefacts,
					&image->blobs[first], count, first == 0, &path, err);
	if (r == 0 && string_list_add(&template->layers, path) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	return r;
}

static int add_layers(struct supervisor *supervisor, const struct template_image *image,
		      struct template *template, struct err *err)
{
	struct plan plan = { .layers = 0 };
	size_t first = 0;
	int r = make_plan(image->count, &plan, err);

	for (size_t i = 0; r == 0 && i < plan.layers; i++) {
		r = add_layer(supervisor, image, first, plan.counts[i], template, err);
		first += plan.counts[i];
	}
	return r;
}

/* What it is called, and how it starts: as a manifest would say it. */
static int begin_template(const struct template_image *image, const char *reference,
			  struct template *ret, struct err *err)
{
	const char *name = reference != NULL ? reference : image->name;
	struct oci_reference parsed;
	char full[OCI_REFERENCE_TEXT];
	json_t *json;
	int r;

	if (name[0] == '\0')
		return err_set(err, -EINVAL, "the image does not say its name; give one by --tag");
	r = oci_reference_parse(name, &parsed, err);
	if (r < 0)
		return r;
	oci_reference_format(&parsed, full);
	json = json_pack("{ss ss* s[s] sO}", "name", full, "agent",
			 image->agent[0] != '\0' ? image->agent : NULL, "layers", "none", "config",
			 image->config);
	r = json == NULL ? err_set(err, -ENOMEM, "out of memory") : template_unpack(json, ret, err);
	json_decref(json);
	if (r < 0)
		return r;
	string_list_finish(&ret->layers);
	return 0;
}

static int import(struct supervisor *supervisor, const struct template_image *image,
		  const char *reference, struct template *ret, struct err *err)
{
	struct template template = { .name = NULL };
	int r = begin_template(image, reference, &template, err);

	if (r == 0)
		r = add_layers(supervisor, image, &template, err);
	if (r == 0)
		r = template_resolve(&template, template_store_folder(supervisor->store), err);
	if (r == 0)
		r = template_store_put(supervisor->store, &template, err);
	if (r < 0)
		template_finish(&template);
	else
		*ret = template;
	return r;
}

int template_import(struct supervisor *supervisor, const struct template_source *source,
		    const char *reference, struct template *ret, struct err *err)
{
	struct template_image *image = calloc(1, sizeof(*image));
	int r;

	if (image == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = template_image_read(source, image, err);
	if (r == 0)
		r = import(supervisor, image, reference, ret, err);
	template_image_finish(image);
	free(image);
	return r;
}
