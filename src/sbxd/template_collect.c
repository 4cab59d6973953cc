/*
 * Which layers are used is gathered while nobody holds the store: no layer is
 * being made then, and no sandbox is on its way into the table.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/log.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbxd/paths.h"
#include "sbxd/sandbox.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_layer.h"
#include "sbxd/template_state.h"

/* Enters the last part of each layer's path. */
static void note_layers(json_t *used, const struct string_list *layers)
{
	for (size_t i = 0; i < layers->count; i++) {
		const char *slash = strrchr(layers->items[i], '/');

		if (slash != NULL)
			(void)json_object_set_new(used, slash + 1, json_true());
	}
}

static int note_templates(struct template_store *store, json_t *used)
{
	struct template *all;
	size_t count;
	int r = template_store_list(store, &all, &count);

	if (r < 0)
		return r;
	/* One that cannot be read may use any: then nothing goes. */
	r = count == json_object_size(store->references) ? 0 : -EINVAL;
	for (size_t i = 0; i < count; i++) {
		note_layers(used, &all[i].layers);
		template_finish(&all[i]);
	}
	free(all);
	return r;
}

static int note_sandboxes(struct supervisor *supervisor, json_t *used)
{
	size_t count = 0;
	autofree struct sandbox **all = supervisor_list(supervisor, &count);

	if (all == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		(void)pthread_mutex_lock(&all[i]->lock);
		note_layers(used, &all[i]->record.template.layers);
		(void)pthread_mutex_unlock(&all[i]->lock);
		supervisor_put(all[i]);
	}
	return 0;
}

/* KEY.erofs, or the note KEY.json beside it. */
static bool is_used(const json_t *used, const char *file)
{
	size_t len = strcspn(file, ".");
	autofree char *layer = NULL;

	if (asprintf(&layer, "%.*s" TEMPLATE_LAYER_SUFFIX, (int)len, file) < 0)
		return true;
	return json_object_get(used, layer) != NULL;
}

static void sweep(const char *folder, const json_t *used)
{
	DIR *layers = opendir(folder);
	struct dirent *entry;

	if (layers == NULL)
		return;
	while ((entry = readdir(layers)) != NULL) {
		if (entry->d_name[0] == '.' || is_used(used, entry->d_name))
			continue;
		if (unlinkat(dirfd(layers), entry->d_name, 0) == 0)
			log_debug("the layer file '%s' was of no use any more", entry->d_name);
	}
	(void)closedir(layers);
}

void template_store_collect(struct template_store *store, struct supervisor *supervisor)
{
	autofree char *folder = NULL;
	json_t *used;

	if (store == NULL || pthread_rwlock_trywrlock(&store->use) != 0)
		return;
	folder = path_join(store->folder, "layers");
	used = json_object();
	if (folder != NULL && used != NULL && note_templates(store, used) == 0 &&
	    note_sandboxes(supervisor, used) == 0)
		sweep(folder, used);
	json_decref(used);
	(void)pthread_rwlock_unlock(&store->use);
}
