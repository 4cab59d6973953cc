#include "sbx/copypath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

char *copypath_sandbox(const char *text, const char **ret_path)
{
	const char *colon = strchr(text, ':');
	const char *slash = strchr(text, '/');

	if (colon == NULL || colon == text || (slash != NULL && slash < colon))
		return NULL;
	*ret_path = colon + 1;
	return strndup(text, (size_t)(colon - text));
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

bool copypath_is_content(const char *path)
{
	return strcmp(path, ".") == 0 || ends_with(path, "/.");
}

bool copypath_wants_folder(const char *path)
{
	return copypath_is_content(path) || ends_with(path, "/");
}

char *copypath_strip(const char *path)
{
	char *stripped = strdup(path);
	size_t len = stripped != NULL ? strlen(stripped) : 0;

	while (len > 1 &&
	       (stripped[len - 1] == '/' || (stripped[len - 1] == '.' && stripped[len - 2] == '/')))
		stripped[--len] = '\0';
	return stripped;
}

/* The last part of a path that was stripped. */
static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* ".." and "." have a name too, but only the file system knows it. */
static char *name_of(const char *path)
{
	autofree char *stripped = copypath_strip(path);
	autofree char *real = NULL;
	const char *last = stripped != NULL ? last_part(stripped) : NULL;

	if (last == NULL)
		return NULL;
	if (strcmp(last, "..") != 0 && strcmp(last, ".") != 0)
		return strdup(last);
	real = realpath(stripped, NULL);
	return real != NULL ? strdup(last_part(real)) : NULL;
}

char *copypath_into(const char *folder, const char *source)
{
	autofree char *stripped = copypath_strip(folder);
	autofree char *name = name_of(source);
	char *path = NULL;

	if (stripped == NULL || name == NULL)
		return NULL;
	if (asprintf(&path, "%s/%s", strcmp(stripped, "/") == 0 ? "" : stripped, name) < 0)
		return NULL;
	return path;
}

static int open_folder(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : err_set_errno(err, -errno, "cannot copy into '%s'", path);
}

/* A place called name in folder, which is opened. */
static int place_in(const char *folder, const char *name, struct copy_place *ret, struct err *err)
{
	autoclose int fd = open_folder(folder, err);
	char *copy;

	if (fd < 0)
		return fd;
	if (*name == '\0' || strcmp(name, "..") == 0 || strcmp(name, ".") == 0)
		return err_set(err, -EINVAL, "say under which name in '%s' to copy", folder);
	copy = strdup(name);
	if (copy == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	*ret = (struct copy_place){ .folder = take_fd(&fd), .name = copy };
	return 0;
}

/* The path itself is what is made: a name in the folder that holds it. */
static int place_at(const char *path, struct copy_place *ret, struct err *err)
{
	autofree char *stripped = copypath_strip(path);
	autofree char *folder = NULL;
	const char *name;

	if (stripped == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	name = last_part(stripped);
	folder = name == stripped ? strdup(".") : strndup(stripped, (size_t)(name - stripped));
	return folder != NULL ? place_in(folder, name, ret, err)
			      : err_set(err, -ENOMEM, "out of memory");
}

/* Nothing is there yet; only a folder makes a folder. */
static int place_new(const char *target, bool is_folder, struct copy_place *ret, struct err *err)
{
	if (copypath_wants_folder(target) && !is_folder)
		return err_set(err, -ENOENT, "there is no folder '%s'", target);
	return place_at(target, ret, err);
}

int copy_place_find(const char *target, const char *source, bool is_folder, struct copy_place *ret,
		    struct err *err)
{
	autofree char *stripped = copypath_strip(source);
	autofree char *real = realpath(target, NULL);
	struct stat st;

	if (stripped == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (real == NULL && errno != ENOENT)
		return err_set_errno(err, -errno, "cannot copy to '%s'", target);
	if (real == NULL)
		return place_new(target, is_folder, ret, err);
	if (stat(real, &st) < 0)
		return err_set_errno(err, -errno, "cannot copy to '%s'", target);
	if (S_ISDIR(st.st_mode) && !copypath_is_content(source))
		return place_in(real, last_part(stripped), ret, err);
	if (!S_ISDIR(st.st_mode) && is_folder)
		return err_set(err, -ENOTDIR, "a folder cannot be copied to the file '%s'", target);
	return place_at(real, ret, err);
}

void copy_place_finish(struct copy_place *place)
{
	if (place->folder >= 0)
		(void)close(place->folder);
	free(place->name);
	*place = (struct copy_place){ .folder = -1 };
}
