#include "sbxd/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/home.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"

char *path_join(const char *folder, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* A variable that holds an absolute path; XDG says that others are to be ignored. */
static const char *absolute_from_env(const char *variable)
{
	const char *value = getenv(variable);

	return value != NULL && value[0] == '/' ? value : NULL;
}

static int find_home(struct paths *paths, struct err *err)
{
	const char *home = home_folder();

	if (home == NULL)
		return err_set(err, -ENOENT, "no home directory is known; set HOME");
	paths->home = realpath(home, NULL);
	if (paths->home == NULL)
		paths->home = strdup(home);
	return paths->home == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
}

static char *state_folder(const char *home, const char *leaf)
{
	const char *xdg = absolute_from_env("XDG_STATE_HOME");
	autofree char *fallback = xdg == NULL ? path_join(home, ".local/state") : NULL;

	if (xdg == NULL && fallback == NULL)
		return NULL;
	return path_join(xdg != NULL ? xdg : fallback, leaf);
}

static char *run_folder(const char *leaf)
{
	const char *xdg = absolute_from_env("XDG_RUNTIME_DIR");
	char *path = NULL;

	if (xdg != NULL)
		return path_join(xdg, leaf);
	return asprintf(&path, "/tmp/%s-%u", leaf, (unsigned)getuid()) < 0 ? NULL : path;
}

/* Makes the folder; one that is there must be ours alone. */
static int make_private(const char *path, struct err *err)
{
	struct stat st;
	int r = file_make_folders(path, 0700);

	if (r < 0)
		return err_set_errno(err, r, "cannot make the folder '%s'", path);
	if (lstat(path, &st) < 0)
		return err_set_errno(err, -errno, "cannot look at '%s'", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, -EPERM, "'%s' is not a folder of this user; remove it", path);
	if ((st.st_mode & 077) != 0 && chmod(path, 0700) < 0)
		return err_set_errno(err, -errno, "cannot make '%s' private", path);
	return 0;
}

static int check_app_name(const char *name, struct err *err)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_";

	if (name == NULL ||
	    (name[0] != '\0' && strlen(name) <= 32 && name[strspn(name, allowed)] == '\0'))
		return 0;
	return err_set(err, -EINVAL,
		       "'%s' is no app name: 1 to 32 letters, digits, '-' and '_' are", name);
}

int paths_init(struct paths *paths, const char *app_name, struct err *err)
{
	char leaf[48];
	int r;

	*paths = (struct paths){ .state = NULL };
	r = check_app_name(app_name, err);
	if (r == 0)
		r = find_home(paths, err);
	if (r < 0)
		return r;
	(void)snprintf(leaf, sizeof(leaf), "sbx%s%s", app_name != NULL ? "-" : "",
		       app_name != NULL ? app_name : "");
	paths->state = state_folder(paths->home, leaf);
	paths->run = run_folder(leaf);
	if (paths->state == NULL || paths->run == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	paths->sandboxes = path_join(paths->state, "sandboxes");
	paths->log = path_join(paths->state, "sbxd.log");
	paths->lock = path_join(paths->state, "lock");
	paths->runs = path_join(paths->run, "sandboxes");
	paths->socket = path_join(paths->run, "sbxd.sock");
	if (paths->sandboxes == NULL || paths->log == NULL || paths->lock == NULL ||
	    paths->runs == NULL || paths->socket == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = make_private(paths->state, err);
	if (r == 0)
		r = make_private(paths->sandboxes, err);
	if (r == 0)
		r = make_private(paths->run, err);
	if (r == 0)
		r = make_private(paths->runs, err);
	return r;
}

void paths_finish(struct paths *paths)
{
	char *owned[] = { paths->state, paths->sandboxes, paths->log,	 paths->lock,
			  paths->run,	paths->runs,	  paths->socket, paths->home };

	for (size_t i = 0; i < countof(owned); i++)
		free(owned[i]);
	*paths = (struct paths){ .state = NULL };
}
