#include "kit/untar.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "tar/reader.h"

/* A repository may hold much beside the kit. */
enum { WHOLE_BYTES_MAX = 512 << 20, WHOLE_ENTRIES_MAX = 1 << 17 };

struct kit_untar {
	struct kit_bundle *bundle; /* weak */
	enum kit_untar_form form;
	struct tar_reader *reader;
	char *path;	  /* owned; of the file that comes now; NULL: it is passed over */
	struct buf bytes; /* of that file */
};

/* Is it a part of the kit, wherever the archive begins? */
static bool is_member(const struct kit_untar *untar, const char *name)
{
	return untar->form == KIT_UNTAR_FILES || strcmp(name, "spec.yaml") == 0 ||
	       strcmp(name, "kit.sig.bundle") == 0 || strncmp(name, "files/", 6) == 0;
}

static int begin(void *context, const struct tar_entry *entry, struct err *err)
{
	struct kit_untar *untar = context;
	const char *before = untar->form == KIT_UNTAR_FILES ? "files/" : "";

	buf_clear(&untar->bytes);
	free(untar->path);
	untar->path = NULL;
	if (entry->type == TAR_FOLDER || !is_member(untar, entry->name))
		return 0;
	if (entry->type != TAR_FILE)
		return err_set(err, -EPERM, "%s: %s%s is a link; a kit has regular files only",
			       untar->bundle->name, before, tar_show(entry->name).text);
	if (entry->size_bytes > BUNDLE_FILE_BYTES_MAX)
		return err_set(err, -EFBIG, "%s: %s%s is larger than %d MiB", untar->bundle->name,
			       before, tar_show(entry->name).text, BUNDLE_FILE_BYTES_MAX >> 20);
	if (asprintf(&untar->path, "%s%s", before, entry->name) >= 0)
		return 0;
	untar->path = NULL;
	return err_set(err, -ENOMEM, "out of memory");
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

	return untar->path == NULL
		       ? 0
		       : kit_bundle_add_member(untar->bundle, untar->path, untar->bytes.data,
					       untar->bytes.len, err);
}

int kit_untar_create(struct kit_bundle *bundle, enum kit_untar_form form, struct kit_untar **ret)
{
	static const struct tar_reader_calls calls = { begin, data, end };
	const struct tar_limits limits = {
		.bytes_max = form == KIT_UNTAR_WHOLE ? WHOLE_BYTES_MAX : BUNDLE_BYTES_MAX,
		.entries_max = form == KIT_UNTAR_WHOLE ? WHOLE_ENTRIES_MAX : 2UL * BUNDLE_FILES_MAX
	};
	struct kit_untar *untar = calloc(1, sizeof(*untar));

	if (untar == NULL)
		return -ENOMEM;
	untar->bundle = bundle;
	untar->form = form;
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
