#include "sbxd/template_store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/log.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "sbxd/paths.h"
#include "sbxd/template_state.h"

enum { REFERENCES_BYTES_MAX = 4 << 20, ID_DIGITS_LEAST = 12 };

static const char *const folders[] = { "layers", "images", "staging" };

const char *template_store_folder(const struct template_store *store)
{
	return store->folder;
}

char *template_store_path(const struct template_store *store, const char *kind, const char *name,
			  const char *suffix)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s/%s%s", store->folder, kind, name, suffix) < 0 ? NULL : path;
}

static int load_references(struct template_store *store, struct err *err)
{
	autocall(buf_finish) struct buf text = { 0 };
	autofree char *path = path_join(store->folder, "references.json");
	json_error_t error;
	int r;

	buf_init(&text, REFERENCES_BYTES_MAX);
	r = path == NULL ? -ENOMEM : file_read(AT_FDCWD, path, &text);
	if (r == -ENOENT) {
		store->references = json_object();
		return store->references != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
	}
	if (r < 0)
		return err_set_errno(err, r, "cannot read the templates' names");
	store->references =
		json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(store->references))
		return err_set(err, -EINVAL, "'%s' is damaged: line %d: %s", path, error.line,
			       error.text);
	return 0;
}

static int save_references(struct template_store *store, struct err *err)
{
	autofree char *path = path_join(store->folder, "references.json");
	autofree char *text = json_dumps(store->references, JSON_INDENT(1) | JSON_SORT_KEYS);
	int r = path == NULL || text == NULL ? -ENOMEM
					     : file_write(AT_FDCWD, path, text, strlen(text), 0600);

	return r < 0 ? err_set_errno(err, r, "cannot write the templates' names") : 0;
}

static int make_folders(const struct template_store *store, struct err *err)
{
	autofree char *staging = path_join(store->folder, "staging");
	int r = staging == NULL ? -ENOMEM : file_remove_tree(AT_FDCWD, staging);

	for (size_t i = 0; r == 0 && i < countof(folders); i++) {
		autofree char *path = path_join(store->folder, folders[i]);

		r = path == NULL ? -ENOMEM : file_make_folders(path, 0700);
	}
	return r < 0 ? err_set_errno(err, r, "cannot make the folder '%s'", store->folder) : 0;
}

int template_store_open(const char *state, struct template_store **ret, struct err *err)
{
	struct template_store *store = calloc(1, sizeof(*store));
	int r;

	if (store == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	(void)pthread_mutex_init(&store->lock, NULL);
	(void)pthread_rwlock_init(&store->use, NULL);
	store->folder = path_join(state, "templates");
	r = store->folder == NULL ? err_set(err, -ENOMEM, "out of memory")
				  : make_folders(store, err);
	if (r == 0)
		r = load_references(store, err);
	if (r < 0) {
		template_store_close(store);
		return r;
	}
	*ret = store;
	return 0;
}

void template_store_close(struct template_store *store)
{
	if (store == NULL)
		return;
	json_decref(store->references);
	(void)pthread_mutex_destroy(&store->lock);
	(void)pthread_rwlock_destroy(&store->use);
	free(store->folder);
	free(store);
}

void template_store_hold(struct template_store *store)
{
	if (store != NULL)
		(void)pthread_rwlock_rdlock(&store->use);
}

void template_store_release(struct template_store *store)
{
	if (store != NULL)
		(void)pthread_rwlock_unlock(&store->use);
}

int template_store_read(const struct template_store *store, const char *id, const char *name,
			struct template *ret, struct err *err)
{
	autofree char *file = NULL;
	struct template template;
	int r;

	if (!oci_digest_is_valid(id) || asprintf(&file, "images/%s.json", oci_digest_hex(id)) < 0)
		return err_set(err, -EINVAL, "the templates' names are damaged");
	r = template_read(store->folder, file, &template, err);
	if (r < 0)
		return r;
	free(template.id);
	free(template.name);
	template.id = strdup(id);
	template.name = strdup(name);
	if (template.id == NULL || template.name == NULL) {
		template_finish(&template);
		return err_set(err, -ENOMEM, "out of memory");
	}
	*ret = template;
	return 0;
}

const char *template_store_id(const json_t *entry)
{
	const char *id = json_string_value(json_object_get(entry, "id"));

	return id != NULL ? id : "";
}

/* Whether this is the id, or as much of it as tells one from another. */
static bool is_id(const char *id, const char *text)
{
	size_t len = strlen(text);

	return strcmp(id, text) == 0 || (len >= ID_DIGITS_LEAST && len < OCI_HEX_SIZE &&
					 strncmp(oci_digest_hex(id), text, len) == 0);
}

/* The reference of an entry, weak; NULL when there is none. Lock held. */
static const char *look_up(const struct template_store *store, const char *text)
{
	struct oci_reference reference;
	struct err ignored = ERR_INIT;
	char full[OCI_REFERENCE_TEXT];
	const char *name;
	json_t *id;

	if (oci_reference_parse(text, &reference, &ignored) == 0) {
		oci_reference_format(&reference, full);
		if (json_object_get(store->references, full) != NULL)
			return json_object_iter_key(json_object_iter_at(store->references, full));
	}
	json_object_foreach(store->references, name, id)
	{
		if (oci_digest_is_valid(template_store_id(id)) &&
		    is_id(template_store_id(id), text))
			return name;
	}
	return NULL;
}

static int no_template(const char *reference, struct err *err)
{
	return err_set(err, -ENOENT, "no template is called '%.200s'; see: sbx template ls",
		       reference);
}

int template_store_find(struct template_store *store, const char *reference, struct template *ret,
			struct err *err)
{
	const char *name;
	int r;

	(void)pthread_mutex_lock(&store->lock);
	name = look_up(store, reference);
	r = name == NULL
		    ? no_template(reference, err)
		    : template_store_read(
			      store, template_store_id(json_object_get(store->references, name)),
			      name, ret, err);
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct template *)a)->name, ((const struct template *)b)->name);
}

int template_store_list(struct template_store *store, struct template **ret, size_t *ret_count)
{
	struct template *all;
	size_t count = 0;
	const char *name;
	json_t *id;

	(void)pthread_mutex_lock(&store->lock);
	all = calloc(json_object_size(store->references) + 1, sizeof(*all));
	if (all != NULL) {
		json_object_foreach(store->references, name, id)
		{
			struct err err = ERR_INIT;

			if (template_store_read(store, template_store_id(id), name, &all[count],
						&err) == 0)
				count++;
			else
				log_warning("template '%s': %s", name, err.text);
		}
	}
	(void)pthread_mutex_unlock(&store->lock);
	if (all == NULL)
		return -ENOMEM;
	qsort(all, count, sizeof(*all), compare);
	*ret = all;
	*ret_count = count;
	return 0;
}

static int hash_layers(struct template_store *store, const struct template *template, json_t *list,
		       struct err *err)
{
	for (size_t i = 0; i < template->layers.count; i++) {
		autofree char *content = NULL;
		int r = template_store_content(store, template->layers.items[i], &content, err);

		if (r < 0)
			return r;
		if (json_array_append_new(list, json_string(content)) < 0)
			return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

/* What counts is what is in it and how it starts; not how it is called, nor when it was made. */
static int set_id(struct template_store *store, struct template *template, struct err *err)
{
	json_t *json = template_pack(template), *layers = json_array();
	uint8_t hash[crypto_hash_sha256_BYTES];
	char digits[OCI_HEX_SIZE];
	autofree char *text = NULL;
	int r = json == NULL || layers == NULL ? err_set(err, -ENOMEM, "out of memory")
					       : hash_layers(store, template, layers, err);

	if (r == 0) {
		json_t *told = json_pack("{sO sO? sO?}", "layers", layers, "config",
					 json_object_get(json, "config"), "agent",
					 json_object_get(json, "agent"));

		text = told == NULL ? NULL : json_dumps(told, JSON_COMPACT | JSON_SORT_KEYS);
		json_decref(told);
		if (text == NULL)
			r = err_set(err, -ENOMEM, "out of memory");
	}
	json_decref(json);
	json_decref(layers);
	if (r < 0)
		return r;
	(void)crypto_hash_sha256(hash, (const uint8_t *)text, strlen(text));
	(void)sodium_bin2hex(digits, sizeof(digits), hash, sizeof(hash));
	free(template->id);
	return asprintf(&template->id, "sha256:%s", digits) < 0
		       ? err_set(err, -ENOMEM, "out of memory")
		       : 0;
}

/* The manifest: layers of the store by their place in it. */
static json_t *pack_image(const struct template_store *store, const struct template *template)
{
	json_t *json = template_pack(template), *layers = json_array();
	size_t len = strlen(store->folder);

	for (size_t i = 0; i < template->layers.count; i++) {
		const char *path = template->layers.items[i];
		bool is_ours = strncmp(path, store->folder, len) == 0 && path[len] == '/';

		(void)json_array_append_new(layers, json_string(is_ours ? path + len + 1 : path));
	}
	(void)json_object_set_new(json, "layers", layers);
	return json;
}

static int write_image(const struct template_store *store, const struct template *template,
		       struct err *err)
{
	autofree char *path =
		template_store_path(store, "images", oci_digest_hex(template->id), ".json");
	json_t *json = pack_image(store, template);
	autofree char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(1));
	int r = path == NULL || text == NULL ? -ENOMEM
					     : file_write(AT_FDCWD, path, text, strlen(text), 0600);

	json_decref(json);
	return r < 0 ? err_set_errno(err, r, "cannot write the template '%s'", template->name) : 0;
}

static bool is_referred(const struct template_store *store, const char *id)
{
	const char *name;
	json_t *value;

	json_object_foreach(store->references, name, value)
	{
		if (strcmp(template_store_id(value), id) == 0)
			return true;
	}
	return false;
}

/* Drops an image that no reference leads to. Lock held. */
static void drop_image(const struct template_store *store, const char *id)
{
	autofree char *path = NULL;

	if (is_referred(store, id))
		return;
	path = template_store_path(store, "images", oci_digest_hex(id), ".json");
	if (path != NULL)
		(void)unlink(path);
}

int template_store_put(struct template_store *store, struct template *template, struct err *err)
{
	autofree char *before = NULL;
	const char *old;
	int r = set_id(store, template, err);

	if (r < 0)
		return r;
	template->created_at = time(NULL);
	(void)pthread_mutex_lock(&store->lock);
	old = template_store_id(json_object_get(store->references, template->name));
	before = old[0] == '\0' ? NULL : strdup(old);
	r = write_image(store, template, err);
	if (r == 0 && json_object_set_new(store->references, template->name,
					  json_pack("{ss}", "id", template->id)) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = save_references(store, err);
	if (r == 0 && before != NULL && strcmp(before, template->id) != 0)
		drop_image(store, before);
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

/* The references that go: the one that was named, or all of an image named by its id. */
static json_t *choose_references(const struct template_store *store, const char *text,
				 const char *found)
{
	json_t *list = json_array(), *value;
	const char *id = template_store_id(json_object_get(store->references, found)), *name;

	json_object_foreach(store->references, name, value)
	{
		if (is_id(id, text) ? strcmp(template_store_id(value), id) == 0
				    : strcmp(name, found) == 0)
			(void)json_array_append_new(list, json_string(name));
	}
	return list;
}

static int remove_locked(struct template_store *store, const char *reference,
			 json_t **ret_references, struct err *err)
{
	const char *found = look_up(store, reference);
	autofree char *id = NULL;
	json_t *list, *name;
	size_t i;
	int r;

	if (found == NULL)
		return no_template(reference, err);
	list = choose_references(store, reference, found);
	id = strdup(template_store_id(json_object_get(store->references, found)));
	if (list == NULL || id == NULL) {
		json_decref(list);
		return err_set(err, -ENOMEM, "out of memory");
	}
	json_array_foreach(list, i, name)
	{
		(void)json_object_del(store->references, json_string_value(name));
	}
	r = save_references(store, err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	drop_image(store, id);
	*ret_references = list;
	return 0;
}

int template_store_remove(struct template_store *store, const char *reference,
			  json_t **ret_references, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&store->lock);
	r = remove_locked(store, reference, ret_references, err);
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

int template_store_clear(struct template_store *store, struct err *err)
{
	autofree char *images = path_join(store->folder, "images");
	int r;

	if (images == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	(void)pthread_mutex_lock(&store->lock);
	(void)json_object_clear(store->references);
	r = save_references(store, err);
	if (r == 0)
		(void)file_remove_tree(AT_FDCWD, images);
	(void)pthread_mutex_unlock(&store->lock);
	return r == 0 ? make_folders(store, err) : r;
}

int template_store_mark_pulled(struct template_store *store, const char *name, struct err *err)
{
	int r = -ENOENT;

	(void)pthread_mutex_lock(&store->lock);
	if (json_object_set_new(json_object_get(store->references, name), "pulled", json_true()) ==
	    0)
		r = save_references(store, err);
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

bool template_store_was_pulled(struct template_store *store, const char *name)
{
	bool was;

	(void)pthread_mutex_lock(&store->lock);
	was = json_is_true(json_object_get(json_object_get(store->references, name), "pulled"));
	(void)pthread_mutex_unlock(&store->lock);
	return was;
}
