#include "kit/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "kit/arguments.h"
#include "kit/bundle.h"
#include "tar/writer.h"

enum { OWNER = 1000, MODE = 0644 };

/* A file, and the layer that it comes from. */
struct entry {
	const struct kit_file *file;
	size_t layer;
};

static int compare(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	int order = strcmp(one->file->path, other->file->path);

	if (order != 0)
		return order;
	return one->layer < other->layer ? -1 : one->layer > other->layer;
}

/* All files of all layers, by name and then by layer. Owned by the caller. */
static struct entry *sorted(const struct archive_layer *layers, size_t count, size_t *ret_count)
{
	struct entry *entries;
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += layers[i].bundle->count;
	entries = calloc(total + 1, sizeof(*entries));
	if (entries == NULL)
		return NULL;
	*ret_count = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < layers[i].bundle->count; j++)
			entries[(*ret_count)++] = (struct entry){ &layers[i].bundle->files[j], i };
	qsort(entries, total, sizeof(*entries), compare);
	return entries;
}

static int write_entry(struct tar_writer *writer, const struct archive_layer *layer,
		       const struct kit_file *file, struct err *err)
{
	struct tar_entry entry = {
		.type = TAR_FILE, .name = file->path, .mode = MODE, .uid = OWNER, .gid = OWNER
	};
	autocall(buf_finish) struct buf text;
	int r = 0;

	buf_init(&text, BUNDLE_FILE_BYTES_MAX + ARGUMENT_TEXTS_MAX);
	if (layer->arguments != NULL)
		r = arguments_expand(layer->arguments, file->bytes, file->len, &text, err);
	else if (buf_append(&text, file->bytes, file->len) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r < 0)
		return err_wrap(err, "%s: files/%s", layer->bundle->name, file->path);
	entry.size_bytes = text.len;
	r = tar_writer_entry(writer, &entry, err);
	return r == 0 && text.len > 0 ? tar_writer_data(writer, text.data, text.len, err) : r;
}

/* One kit has a file where another one has a folder. */
static int check_folders(const struct archive_layer *layers, const struct entry *entries,
			 size_t count, size_t at, struct err *err)
{
	const char *path = entries[at].file->path;
	size_t length = strlen(path);

	for (size_t i = at + 1; i < count && strncmp(entries[i].file->path, path, length) == 0; i++)
		if (entries[i].file->path[length] == '/')
			return err_set(err, -EBADMSG,
				       "files/%s is a file in the kit %s and a folder in %s", path,
				       layers[entries[at].layer].bundle->name,
				       layers[entries[i].layer].bundle->name);
	return 0;
}

static int append_chunk(void *context, const void *bytes, size_t len, struct err *err)
{
	int r = buf_append(context, bytes, len);

	return r < 0 ? err_set(err, r, "the files of these kits are too large together") : 0;
}

int kit_archive(const struct archive_layer *layers, size_t count, struct buf *ret, struct err *err)
{
	autofree struct tar_writer *writer = malloc(sizeof(*writer));
	size_t total = 0;
	autofree struct entry *entries = sorted(layers, count, &total);
	int r = 0;

	if (writer == NULL || entries == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (total == 0)
		return 0;
	tar_writer_init(writer, append_chunk, ret);
	for (size_t i = 0; r == 0 && i < total; i++) {
		const struct kit_file *file = entries[i].file;

		if (i + 1 < total && strcmp(entries[i + 1].file->path, file->path) == 0)
			continue;
		r = check_folders(layers, entries, total, i, err);
		if (r == 0)
			r = write_entry(writer, &layers[entries[i].layer], file, err);
	}
	return r == 0 ? tar_writer_end(writer, err) : r;
}
