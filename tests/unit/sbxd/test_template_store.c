#include "sbxd/template_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/template_layer.h"
#include "tests/unit/test.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct fixture {
	char folder[64];
	struct template_store *store;
	struct err err;
};

static bool start(struct fixture *f)
{
	f->err = (struct err)ERR_INIT;
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/sbx-store-XXXXXX");
	return mkdtemp(f->folder) != NULL &&
	       template_store_open(f->folder, &f->store, &f->err) == 0;
}

static void finish(struct fixture *f)
{
	template_store_close(f->store);
	(void)file_remove_tree(AT_FDCWD, f->folder);
}

/* A layer of the store, as template_layer_make() leaves it. */
static bool make_layer(struct fixture *f, const char *key, const char *content)
{
	autofree char *path = template_store_path(f->store, "layers", key, ".erofs");
	autofree char *note = template_store_path(f->store, "layers", key, ".json");
	char text[128];

	(void)snprintf(text, sizeof(text), "{\"content\":\"%s\"}", content);
	return file_write(AT_FDCWD, path, "layer", 5, 0600) == 0 &&
	       file_write(AT_FDCWD, note, text, strlen(text), 0600) == 0;
}

static int put(struct fixture *f, const char *name, const char *key, char ret_id[TEMPLATE_ID_SIZE])
{
	autofree char *layer = template_store_path(f->store, "layers", key, ".erofs");
	struct template template = { .name = strdup(name) };
	int r = string_list_add(&template.layers, layer);

	if (r == 0)
		r = template_store_put(f->store, &template, &f->err);
	if (r == 0)
		(void)snprintf(ret_id, TEMPLATE_ID_SIZE, "%s", template.id);
	template_finish(&template);
	return r;
}

static bool finds(struct fixture *f, const char *reference, const char *id)
{
	struct template template;
	bool same;

	if (template_store_find(f->store, reference, &template, &f->err) < 0)
		return false;
	same = strcmp(template.id, id) == 0;
	template_finish(&template);
	return same;
}

TEST(a_template_is_found_by_name_and_id)
{
	char id[TEMPLATE_ID_SIZE], digits[16];
	struct fixture f;

	CHECK(start(&f));
	CHECK(make_layer(&f, "k", "tree:1"));
	CHECK_EQ(put(&f, "docker.io/library/tiny:1", "k", id), 0);
	CHECK(finds(&f, "tiny:1", id));
	CHECK(finds(&f, "docker.io/library/tiny:1", id));
	CHECK(finds(&f, id, id));
	(void)snprintf(digits, sizeof(digits), "%.12s", strchr(id, ':') + 1);
	CHECK(finds(&f, digits, id));
	digits[11] = '\0';
	CHECK(!finds(&f, digits, id));
	CHECK(!finds(&f, "tiny", id));
	CHECK(!finds(&f, A, id));
	finish(&f);
}

TEST(equal_content_is_one_image)
{
	char first[TEMPLATE_ID_SIZE], second[TEMPLATE_ID_SIZE], other[TEMPLATE_ID_SIZE];
	struct fixture f;

	CHECK(start(&f));
	CHECK(make_layer(&f, "k", "tree:1"));
	CHECK(make_layer(&f, "l", "tree:1"));
	CHECK(make_layer(&f, "m", "tree:2"));
	CHECK_EQ(put(&f, "docker.io/library/a:1", "k", first), 0);
	CHECK_EQ(put(&f, "docker.io/library/b:1", "l", second), 0);
	CHECK_EQ(put(&f, "docker.io/library/c:1", "m", other), 0);
	CHECK_STR(second, first);
	CHECK(strcmp(first, other) != 0);
	finish(&f);
}

TEST(it_is_still_there_after_a_restart)
{
	char id[TEMPLATE_ID_SIZE];
	struct fixture f;
	struct template *all;
	size_t count;

	CHECK(start(&f));
	CHECK(make_layer(&f, "k", "tree:1"));
	CHECK_EQ(put(&f, "docker.io/library/tiny:1", "k", id), 0);
	CHECK_EQ(template_store_mark_pulled(f.store, "docker.io/library/tiny:1", &f.err), 0);
	template_store_close(f.store);
	CHECK_EQ(template_store_open(f.folder, &f.store, &f.err), 0);
	CHECK(finds(&f, "tiny:1", id));
	CHECK(template_store_was_pulled(f.store, "docker.io/library/tiny:1"));
	CHECK_EQ(template_store_list(f.store, &all, &count), 0);
	CHECK_EQ(count, 1);
	CHECK_STR(all[0].name, "docker.io/library/tiny:1");
	CHECK(all[0].layers.items[0][0] == '/');
	template_finish(&all[0]);
	free(all);
	finish(&f);
}

TEST(a_name_goes_and_with_the_last_one_the_image)
{
	char id[TEMPLATE_ID_SIZE];
	autofree char *image = NULL;
	struct fixture f;
	json_t *removed;

	CHECK(start(&f));
	CHECK(make_layer(&f, "k", "tree:1"));
	CHECK_EQ(put(&f, "docker.io/library/a:1", "k", id), 0);
	CHECK_EQ(put(&f, "docker.io/library/b:1", "k", id), 0);
	image = template_store_path(f.store, "images", strchr(id, ':') + 1, ".json");
	CHECK_EQ(template_store_remove(f.store, "a:1", &removed, &f.err), 0);
	CHECK_EQ(json_array_size(removed), 1);
	json_decref(removed);
	CHECK_EQ(access(image, F_OK), 0);
	CHECK_EQ(template_store_remove(f.store, id, &removed, &f.err), 0);
	CHECK_STR(json_string_value(json_array_get(removed, 0)), "docker.io/library/b:1");
	json_decref(removed);
	CHECK(access(image, F_OK) < 0);
	CHECK_EQ(template_store_remove(f.store, "a:1", &removed, &f.err), -ENOENT);
	finish(&f);
}

TEST(damage_is_told_and_loses_nothing)
{
	struct fixture f;
	autofree char *path = NULL;

	CHECK(start(&f));
	CHECK(asprintf(&path, "%s/templates/references.json", f.folder) > 0);
	template_store_close(f.store);
	f.store = NULL;
	CHECK_EQ(file_write(AT_FDCWD, path, "{", 1, 0600), 0);
	CHECK_EQ(template_store_open(f.folder, &f.store, &f.err), -EINVAL);
	CHECK(strstr(f.err.text, "is damaged") != NULL);
	(void)file_remove_tree(AT_FDCWD, f.folder);
}

TEST_MAIN()
