#include "kit/untar.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "tar/reader.h"

struct kit_untar {
	struct kit_bundle *bundle; /* weak */
	struct tar_reader *reader;
	char *path;	  /* owned; of the file that comes now; NULL: it is passed over */
	struct buf bytes; /* of that file */
};

static bool is_ours(const char *path)
{
	return strncmp(path, "home/", 5) == 0 || strncmp(path, "workspace/", 10) == 0;
}

static int begin(void *context, const struct tar_entry *entry, struct err *err)
{
	struct kit_untar *untar = context;

	buf_clear(&untar->bytes);
	free(untar->path);
	untar->path = NULL;
	if (entry->type == TAR_FOLDER)
		return 0;
	if (entry->type != TAR_FILE)
		return err_set(err, -EPERM, "%s: files/%s is a link; a kit has regular files only",
			       untar->bundle->name, tar_show(entry->name).text);
	if (entry->size_bytes > BUNDLE_FILE_BYTES_MAX)
		return err_set(err, -EFBIG, "%s: files/%s is larger than %d MiB",
			       untar->bundle->name, tar_show(entry->name).text,
			       BUNDLE_FILE_BYTES_MAX >> 20);
	untar->path = strdup(entry->name);
	return untar->path != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int data(void *context, const uint8_t *bytes, size_t len, struct err *err)
{
	struct kit_untar *untar = context;
	int r = untar->path != NULL ? buf_append(&untar->bytes, bytes, len) : 0;

	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

static int end(void *context, struct err *err)
{
	struct kit_untar *untar = context;
	struct kit_bundle *bundle = untar->bundle;

	if (untar->path == NULL)
		return 0;
	if (is_ours(untar->path))
		return kit_bundle_add(bundle, untar->path, untar->bytes.data, untar->bytes.len,
				      err);
	if (bundle->stray == NULL)
		bundle->stray = take_ptr(untar->path);
	return 0;
}

int kit_untar_create(struct kit_bundle *bundle, struct kit_untar **ret)
{
	static const struct tar_reader_calls calls = { begin, data, end };
	const struct tar_limits limits = { .bytes_max = BUNDLE_BYTES_MAX,
					   .entries_max = 2UL * BUNDLE_FILES_MAX };
	struct kit_untar *untar = calloc(1, sizeof(*untar));

	if (untar == NULL)
		return -ENOMEM;
	untar->bundle = bundle;
	buf_init(&untar->bytes, BUNDLE_FILE_BYTES_MAX);
	if (tar_reader_create(&calls, untar, &limits, &untar->reader) < 0) {
		kit_untar_destroy(untar);
		return -ENOMEM;
	}
	*ret = untar;
	return 0;
}

void kit_untar_destroy(struct kit_untar *untar)
{
	if (untar == NULL)
		return;
	tar_reader_destroy(untar->reader);
	buf_finish(&untar->bytes);
	free(untar->path);
	free(untar);
}

int kit_untar_feed(struct kit_untar *untar, const void *bytes, size_t len, struct err *err)
{
	return tar_reader_feed(untar->reader, bytes, len, err);
}

int kit_untar_finish(struct kit_untar *untar, struct err *err)
{
	return tar_reader_finish(untar->reader, err);
}
