#include "sbxd/template_import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int open_archives(const char *const *archives, size_t count, struct template_blob *blobs,
			 struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct stat info;
		int fd = open(archives[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

		blobs[i] = (struct template_blob){ .fd = fd, .compression = OCI_TAR };
		if (fd < 0 || fstat(fd, &info) < 0)
			return err_set_errno(err, -errno, "cannot open '%s'", archives[i]);
		if (!S_ISREG(info.st_mode))
			return err_set(err, -EINVAL, "'%s' is no file", archives[i]);
		blobs[i].size_bytes = (uint64_t)info.st_size;
	}
	return 0;
}

/* The layers of base that stay, and the new one. */
static int stack_layers(struct supervisor *supervisor, const struct template_blob *blobs,
			size_t count, struct template *template, struct err *err)
{
	struct string_list *layers = &template->layers;
	autofree char *path = NULL;
	int r;

	if (count > 1 && layers->count > 0) {
		free(layers->items[--layers->count]);
		layers->items[layers->count] = NULL;
	}
	r = template_layer_make(supervisor->store, &supervisor->artefacts, blobs, count,
				layers->count == 0, &path, err);
	if (r == 0 && layers->count == TEMPLATE_LAYERS_MAX)
		r = err_set(err, -EINVAL, "it would have more than %d layers", TEMPLATE_LAYERS_MAX);
	if (r == 0 && string_list_add(layers, path) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	return r;
}

static int name_template(struct template *template, const char *reference, struct err *err)
{
	struct oci_reference parsed;
	char full[OCI_REFERENCE_TEXT];
	int r = oci_reference_parse(reference, &parsed, err);

	if (r < 0)
		return r;
	oci_reference_format(&parsed, full);
	free(template->name);
	free(template->description);
	template->description = NULL;
	template->is_builtin = false;
	template->name = strdup(full);
	return template->name == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
}

int template_import_saved(struct supervisor *supervisor, const struct template *base,
			  const char *const *archives, size_t count, const char *reference,
			  struct template *ret, struct err *err)
{
	struct template_blob blobs[TEMPLATE_SAVE_MAX] = { { .fd = -1 }, { .fd = -1 } };
	struct template template = { .name = NULL };
	int r = template_copy(base, &template);

	if (r < 0)
		return err_set(err, r, "out of memory");
	r = name_template(&template, reference, err);
	if (r == 0)
		r = open_archives(archives, count, blobs, err);
	if (r == 0)
		r = stack_layers(supervisor, blobs, count, &template, err);
	if (r == 0)
		r = template_resolve(&template, template_store_folder(supervisor->store), err);
	if (r == 0)
		r = template_store_put(supervisor->store, &template, err);
	for (size_t i = 0; i < count; i++)
		if (blobs[i].fd >= 0)
			(void)close(blobs[i].fd);
	if (r < 0)
		template_finish(&template);
	else
		*ret = template;
	return r;
}
