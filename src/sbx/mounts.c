#include "sbx/mounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

/* Cuts ":ro" or ":rw" off the end; true when it was ":ro". */
static bool cut_mode(char *text)
{
	size_t len = strlen(text);
	bool read_only;

	if (len < 3 || text[len - 3] != ':' || text[len - 2] != 'r')
		return false;
	read_only = text[len - 1] == 'o';
	if (!read_only && text[len - 1] != 'w')
		return false;
	text[len - 3] = '\0';
	return read_only;
}

static int add(json_t *mounts, const char *source, const char *target, bool read_only,
	       struct err *err)
{
	autofree char *real = realpath(source, NULL);
	json_t *mount;

	if (real == NULL && (errno == ENOENT || errno == ENOTDIR))
		return err_set(err, -ENOENT, "there is no file or folder '%s' to share", source);
	if (real == NULL && errno == ENAMETOOLONG)
		return err_set(err, -ENAMETOOLONG, "cannot share '%.40s...': the path is too long",
			       source);
	if (real == NULL)
		return err_set_errno(err, -errno, "cannot share '%s'", source);
	mount = json_pack("{s:s, s:s, s:b}", "source", real, "target",
			  target != NULL ? target : real, "read_only", read_only);
	if (mount == NULL)
		return err_set(err, -EINVAL, "cannot share '%s': its path is not UTF-8, rename it",
			       source);
	return json_array_append_new(mounts, mount) == 0 ? 0
							 : err_set(err, -ENOMEM, "out of memory");
}

int mounts_add_path(json_t *mounts, const char *text, struct err *err)
{
	autofree char *path = strdup(text);
	bool read_only;

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	read_only = cut_mode(path);
	return add(mounts, path, NULL, read_only, err);
}

/* The last colon that has a slash behind it: a source may hold colons of its own. */
static char *find_target(char *text)
{
	for (char *colon = text + strlen(text); colon > text; colon--) {
		if (colon[-1] == ':' && colon[0] == '/')
			return colon;
	}
	return NULL;
}

int mounts_add_spec(json_t *mounts, const char *text, struct err *err)
{
	autofree char *source = strdup(text);
	bool read_only;
	char *target;

	if (source == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	read_only = cut_mode(source);
	target = find_target(source);
	if (target != NULL)
		target[-1] = '\0';
	else if (strchr(source, ':') != NULL && access(source, F_OK) < 0)
		return err_set(err, -EINVAL,
			       "'%s' is no SRC:DST[:ro]; DST is an absolute path in the sandbox",
			       text);
	return add(mounts, source, target, read_only, err);
}
