#include "sbx-image/layer.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "erofs/tree.h"
#include "erofs/writer.h"
#include "tar/reader.h"

static const char mark[] = ".wh.";	   /* before the name that is hidden */
static const char own_mark[] = ".wh..wh."; /* before a name that is aufs's own */
static const char opaque_mark[] = ".wh..wh..opq";

struct layer {
	struct erofs_tree *tree;     /* weak */
	struct erofs_writer *writer; /* weak */
	struct decoder *decoder;
	struct tar_reader *reader;
	struct erofs_node *file; /* weak; whose data comes; NULL: data is left out */
	crypto_hash_sha256_state blob, diff;
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Where the last part of a name begins. */
static const char *base_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash == NULL ? name : slash + 1;
}

/* The whiteout `name`, whose last part begins with the mark. */
static int hide(struct layer *layer, const char *name, struct err *err)
{
	const char *base = base_of(name), *hidden = base + strlen(mark);
	size_t folder_len = (size_t)(base - name);
	autofree char *path = strdup(name);

	if (path == NULL)
		return err_set(err, -ENOMEM, "there is not enough memory for it");
	if (strcmp(base, opaque_mark) == 0) {
		path[folder_len > 0 ? folder_len - 1 : 0] = '\0';
		return erofs_tree_hide_content(layer->tree, path, err);
	}
	if (begins(base, own_mark))
		return 0;
	if (hidden[0] == '\0' || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
		return err_set(err, -EPERM, "it is a whiteout of nothing");
	memmove(path + folder_len, hidden, strlen(hidden) + 1);
	return erofs_tree_hide(layer->tree, path, err);
}

static mode_t type_of(enum tar_type type)
{
	switch (type) {
	case TAR_FOLDER:
		return S_IFDIR;
	case TAR_SYMLINK:
		return S_IFLNK;
	case TAR_FILE:
	case TAR_HARDLINK:
		break;
	}
	return S_IFREG;
}

static int put_xattrs(struct layer *layer, const struct tar_entry *entry, struct erofs_node *node,
		      struct err *err)
{
	int r = 0;

	for (const struct tar_xattr *x = entry->xattrs; x != NULL && r == 0; x = x->next) {
		if (begins(x->name, "user.") || strcmp(x->name, "security.capability") == 0)
			r = erofs_tree_set_xattr(layer->tree, node, x->name, x->value, x->len, err);
	}
	return r;
}

static int put(struct layer *layer, const struct tar_entry *entry, struct err *err)
{
	const struct erofs_attributes attributes = {
		.mode = type_of(entry->type) | entry->mode | entry->set_id,
		.uid = entry->uid,
		.gid = entry->gid,
		.mtime_s = entry->mtime_s,
		.mtime_ns = entry->mtime_ns,
	};
	struct erofs_node *node;
	int r;

	if (entry->type == TAR_HARDLINK)
		return erofs_tree_link(layer->tree, entry->name, entry->link, err);
	r = erofs_tree_put(layer->tree, entry->name, &attributes, entry->link, err, &node);
	if (r == 0)
		r = put_xattrs(layer, entry, node, err);
	if (r < 0 || entry->type != TAR_FILE)
		return r;
	layer->file = node;
	erofs_writer_begin(layer->writer, node);
	return 0;
}

static int on_begin(void *context, const struct tar_entry *entry, struct err *err)
{
	struct layer *layer = context;
	int r;

	layer->file = NULL;
	if (begins(base_of(entry->name), mark))
		r = hide(layer, entry->name, err);
	else
		r = put(layer, entry, err);
	if (r < 0)
		(void)err_wrap(err, "the archive's entry '%s'", tar_show(entry->name).text);
	return r;
}

static int on_data(void *context, const uint8_t *bytes, size_t len, struct err *err)
{
	struct layer *layer = context;

	return layer->file == NULL ? 0 : erofs_writer_data(layer->writer, bytes, len, err);
}

static int on_end(void *context, struct err *err)
{
	struct layer *layer = context;

	return layer->file == NULL ? 0 : erofs_writer_end(layer->writer, err);
}

static int on_decoded(void *context, const uint8_t *bytes, size_t len, struct err *err)
{
	struct layer *layer = context;

	(void)crypto_hash_sha256_update(&layer->diff, bytes, len);
	return tar_reader_feed(layer->reader, bytes, len, err);
}

int layer_create(const struct layer_config *config, struct layer **ret)
{
	static const struct tar_reader_calls calls = { on_begin, on_data, on_end };
	const struct tar_limits limits = { .bytes_max = config->bytes_max,
					   .entries_max = config->entries_max };
	struct layer *layer = calloc(1, sizeof(*layer));
	int r;

	if (layer == NULL)
		return -ENOMEM;
	layer->tree = config->tree;
	layer->writer = config->writer;
	(void)crypto_hash_sha256_init(&layer->blob);
	(void)crypto_hash_sha256_init(&layer->diff);
	r = tar_reader_create(&calls, layer, &limits, &layer->reader);
	if (r == 0)
		r = decoder_create(config->format, config->bytes_max, on_decoded, layer,
				   &layer->decoder);
	if (r < 0) {
		layer_destroy(layer);
		return r;
	}
	*ret = layer;
	return 0;
}

void layer_destroy(struct layer *layer)
{
	if (layer == NULL)
		return;
	decoder_destroy(layer->decoder);
	tar_reader_destroy(layer->reader);
	free(layer);
}

int layer_feed(struct layer *layer, const uint8_t *bytes, size_t len, struct err *err)
{
	(void)crypto_hash_sha256_update(&layer->blob, bytes, len);
	return decoder_feed(layer->decoder, bytes, len, err);
}

int layer_finish(struct layer *layer, struct err *err, struct layer_digests *ret)
{
	int r = decoder_finish(layer->decoder, err);

	if (r == 0)
		r = tar_reader_finish(layer->reader, err);
	if (r < 0)
		return r;
	(void)crypto_hash_sha256_final(&layer->blob, ret->blob);
	(void)crypto_hash_sha256_final(&layer->diff, ret->diff);
	return 0;
}
