#include "sbx/kit_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "kit/resolve.h"
#include "sbx/kit_consent.h"
#include "sbx/kit_source.h"

void kit_print_warnings(const json_t *warnings)
{
	json_t *warning;
	size_t i;

	json_array_foreach(warnings, i, warning)
	{
		(void)fputs("WARNING: ", stderr);
		(void)terminal_print_safe(stderr, json_string_value(warning));
		(void)fputc('\n', stderr);
	}
}

/* A file of this user only that the daemon, the same user, will read. */
static int write_files(const struct buf *files, char **ret, struct err *err)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	autofree char *path = NULL;
	autoclose int fd = -1;
	int r;

	if (asprintf(&path, "%s/sbx-kit-XXXXXX",
		     folder != NULL && folder[0] == '/' ? folder : "/tmp") < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, -errno, "cannot make the file '%s'", path);
	r = fd_write_full(fd, files->data, files->len);
	if (r < 0) {
		(void)unlink(path);
		return err_set_errno(err, r, "cannot write the file '%s'", path);
	}
	*ret = take_ptr(path);
	return 0;
}

int kit_resolve_options(const struct kit_options *options, const char *kit,
			struct resolved_kit *ret, struct err *err)
{
	struct resolve_request request = { .base = kit,
					   .mixins = options->kits.items,
					   .mixins_count = options->kits.count };
	char **values = NULL;
	int r = kit_values_read(options, &values, &request.values.count, err);

	if (r < 0)
		return r;
	request.values.items = (const char *const *)values;
	r = kit_resolve(&request, &kit_source_fetch, ret, err);
	kit_values_free(values);
	return r;
}

int kit_prepare(const struct kit_options *options, const char *kit, struct kit_prepared *ret,
		struct err *err)
{
	autocall(resolved_kit_finish) struct resolved_kit resolved = { .kit = NULL };
	struct kit_prepared prepared = { .kit = NULL };
	int r = kit_resolve_options(options, kit, &resolved, err);

	if (r < 0)
		return r;
	kit_print_warnings(resolved.warnings);
	r = kit_consent(resolved.strangers, options->yes, err);
	if (r == 0 && resolved.files.len > 0)
		r = write_files(&resolved.files, &prepared.files, err);
	if (r < 0)
		return r;
	prepared.kit = take_ptr(resolved.kit);
	*ret = prepared;
	return 0;
}

void kit_prepared_finish(struct kit_prepared *prepared)
{
	if (prepared == NULL)
		return;
	json_decref(prepared->kit);
	if (prepared->files != NULL)
		(void)unlink(prepared->files);
	free(prepared->files);
	*prepared = (struct kit_prepared){ .kit = NULL };
}
