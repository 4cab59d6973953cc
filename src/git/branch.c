#include "git/branch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "git/command.h"
#include "git/copy.h"
#include "git/registry.h"
#include "git/repository.h"

enum { FOLDER_TRIES = 1000, FOLDER_NAME_MAX = 200 };

static int check_name(const struct repository *repository, const char *name, struct err *err)
{
	const struct git_call call = repository_call(repository);
	const char *words[] = { "check-ref-format", "--branch", name, NULL };
	autofree char *expanded = NULL;
	struct err ignored = ERR_INIT;

	/* "@{-1}" is expanded by git; such a name is none. */
	if (git_line(&call, words, &expanded, &ignored) < 0 || strcmp(expanded, name) != 0 ||
	    strlen(name) > FOLDER_NAME_MAX || strchr(name, '\n') != NULL)
		return err_set(err, -EINVAL, "'%s' cannot be the name of a branch", name);
	return 0;
}

/* The commit of the user's branch of that name, or of HEAD. */
static int find_start(const struct repository *repository, const char *name, char **ret,
		      struct err *err)
{
	const struct git_call call = repository_call(repository);
	autofree char *ref = NULL;
	struct err ignored = ERR_INIT;

	if (asprintf(&ref, "refs/heads/%s^{commit}", name) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	const char *words[] = { "rev-parse", "--verify", "--quiet", ref, NULL };

	if (git_line(&call, words, ret, &ignored) == 0)
		return 0;
	*ret = strdup(repository->head);
	return *ret == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
}

/* TOP/.sbx with its .gitignore: a folder of ours, never one that something else put there. */
static int make_place(const struct repository *repository, char **ret, struct err *err)
{
	autofree char *path = NULL;
	autoclose int folder = -1;
	int r;

	if (asprintf(&path, "%s/" REGISTRY_FOLDER, repository->top) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_set_errno(err, -errno, "cannot make the folder '%s'", path);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder < 0)
		return err_set_errno(err, -errno, "'%s' is in the way", path);
	if (faccessat(folder, ".gitignore", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		r = file_write(folder, ".gitignore", "*\n", 2, 0644);
		if (r < 0)
			return err_set_errno(err, r, "cannot write '%s/.gitignore'", path);
	}
	*ret = take_ptr(path);
	return 0;
}

/* A folder in the place that is not there: the branch's name with '-' for '/'. */
static int choose_folder(const char *place, const char *name, char **ret, struct err *err)
{
	autofree char *flat = strdup(name);
	struct stat found;

	if (flat == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (char *at = flat; *at != '\0'; at++)
		if (*at == '/')
			*at = '-';
	for (unsigned i = 1; i <= FOLDER_TRIES; i++) {
		autofree char *path = NULL;

		if (asprintf(&path, i == 1 ? "%s/%s" : "%s/%s-%u", place, flat, i) < 0)
			return err_set(err, -ENOMEM, "out of memory");
		if (lstat(path, &found) < 0 && errno == ENOENT) {
			*ret = take_ptr(path);
			return 0;
		}
	}
	return err_set(err, -EEXIST, "'%s/%s' is in the way", place, flat);
}

/* Under another name until it is whole. */
static int build(const struct repository *repository, const struct branch *branch, struct err *err)
{
	autofree char *making = NULL;
	struct copy_plan plan = { .name = branch->name, .start = branch->base };
	int r;

	if (asprintf(&making, "%s" REGISTRY_MAKING, branch->folder) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	plan.folder = making;
	r = copy_make(repository, &plan, err);
	if (r == 0 && rename(making, branch->folder) < 0)
		r = err_set_errno(err, -errno, "cannot make '%s'", branch->folder);
	if (r < 0)
		(void)file_remove_tree(AT_FDCWD, making);
	return r;
}

static int make_new(const struct repository *repository, const char *name, struct branch *ret,
		    struct err *err)
{
	autofree char *place = NULL, *keep = NULL;
	struct err ignored = ERR_INIT;
	int r = repository_check_settled(repository, err);

	if (r == 0)
		r = find_start(repository, name, &ret->base, err);
	if (r == 0)
		r = copy_make_keep(repository, ret->base, &keep, err);
	if (r == 0)
		r = make_place(repository, &place, err);
	if (r == 0)
		r = choose_folder(place, name, &ret->folder, err);
	if (r < 0)
		return r;
	ret->name = strdup(name);
	if (ret->name == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = registry_add(repository, ret, keep, err);
	if (r == 0)
		r = build(repository, ret, err);
	if (r < 0)
		(void)registry_drop(repository, name, &ignored);
	return r;
}

int branch_make(const struct repository *repository, const char *name, struct branch *ret,
		bool *ret_is_new, struct err *err)
{
	struct branch branch = { .name = NULL };
	autoclose int lock = -1;
	bool is_new;
	int r = check_name(repository, name, err);

	if (r == 0)
		r = registry_lock(repository, &lock, err);
	if (r < 0)
		return r;
	r = registry_find(repository, name, &branch, err);
	is_new = r == -ENOENT;
	if (is_new)
		r = make_new(repository, name, &branch, err);
	if (r < 0) {
		branch_finish(&branch);
		return r;
	}
	*ret = branch;
	*ret_is_new = is_new;
	return 0;
}

static bool is_ours_alone(DIR *place)
{
	const struct dirent *entry;

	while ((entry = readdir(place)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, ".gitignore") != 0)
			return false;
	return true;
}

/* The last copy takes TOP/.sbx along. */
static void leave_place(const char *copy)
{
	autofree char *path = strndup(copy, (size_t)(strrchr(copy, '/') - copy));
	DIR *place = path == NULL ? NULL : opendir(path);

	if (place == NULL)
		return;
	if (is_ours_alone(place) && unlinkat(dirfd(place), ".gitignore", 0) == 0)
		(void)rmdir(path);
	(void)closedir(place);
}

int branch_remove(const struct repository *repository, const struct branch *branch, struct err *err)
{
	autofree char *removing = NULL;
	autoclose int lock = -1;
	int r = registry_lock(repository, &lock, err);

	if (r < 0)
		return r;
	if (asprintf(&removing, "%s" REGISTRY_REMOVING, branch->folder) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (rename(branch->folder, removing) < 0)
		return err_set_errno(err, -errno, "cannot remove '%s'", branch->folder);
	r = file_remove_tree(AT_FDCWD, removing);
	if (r < 0)
		return err_set_errno(err, r, "cannot remove '%s'", removing);
	leave_place(branch->folder);
	return registry_drop(repository, branch->name, err);
}
