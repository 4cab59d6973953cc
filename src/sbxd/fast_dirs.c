#include "sbxd/fast_dirs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbxd/mounts.h"
#include "sbxd/string_list.h"

static bool is_below(const char *path, const char *above)
{
	size_t len = strlen(above);

	return strncmp(path, above, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static int check(const char *path, const char *workspace, const struct string_list *others,
		 struct err *err)
{
	autofree char *target = NULL;

	if (path == NULL)
		return err_set(err, -EINVAL, "fast_dirs is a list of paths");
	if (asprintf(&target, "%s/%s", workspace, path) < 0) {
		target = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	if (path[0] == '\0' || path[0] == '/' || !mount_target_is_valid(target))
		return err_set(err, -EINVAL,
			       "a fast folder is a path below the workspace, like node_modules or "
			       "web/node_modules, not '%s'",
			       path);
	for (size_t i = 0; i < others->count; i++) {
		if (is_below(path, others->items[i]) || is_below(others->items[i], path))
			return err_set(err, -EINVAL,
				       "of the fast folders '%s' and '%s' one lies in the other; "
				       "name the upper one only",
				       others->items[i], path);
	}
	return 0;
}

int fast_dirs_take(const json_t *list, const struct mounts *mounts, struct string_list *ret,
		   struct err *err)
{
	const struct mount *workspace = &mounts->items[0];
	const json_t *item;
	size_t i;

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > FAST_DIRS_MAX)
		return err_set(err, -EINVAL, "fast_dirs is a list of at most %d paths",
			       FAST_DIRS_MAX);
	if (mounts->count == 0 || workspace->is_file || workspace->read_only)
		return err_set(err, -EINVAL,
			       "fast folders need a workspace that is a folder of this machine and "
			       "may be written");
	json_array_foreach((json_t *)list, i, item)
	{
		const char *path = json_string_value(item);
		int r = check(path, workspace->target, ret, err);

		if (r == 0)
			r = string_list_add(ret, path);
		if (r < 0)
			return r == -ENOMEM ? err_set(err, r, "out of memory") : r;
	}
	return 0;
}
