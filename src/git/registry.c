#include "git/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "git/command.h"
#include "git/repository.h"

enum { LOCK_MS = 60000, LOCK_POLL_MS = 50, FOLDER_MODE = 0755 };

int registry_folder(const struct repository *repository, char **ret, struct err *err)
{
	autofree char *path = NULL;
	int r;

	if (asprintf(&path, "%s/sbx", repository->common) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = file_make_folders(path, FOLDER_MODE);
	if (r < 0)
		return err_set_errno(err, r, "cannot make the folder '%s'", path);
	*ret = take_ptr(path);
	return 0;
}

static int file_of(const struct repository *repository, char **ret, struct err *err)
{
	return asprintf(ret, "%s/sbx/branches", repository->common) < 0
		       ? err_set(err, -ENOMEM, "out of memory")
		       : 0;
}

void branch_finish(struct branch *branch)
{
	free(branch->name);
	free(branch->folder);
	free(branch->base);
	*branch = (struct branch){ .name = NULL };
}

void branches_finish(struct branches *branches)
{
	for (size_t i = 0; i < branches->count; i++)
		branch_finish(&branches->items[i]);
	branches->count = 0;
}

/* The branch of that name, made when it is not there; NULL when there are too many. */
static struct branch *place_for(struct branches *branches, const char *name, size_t len)
{
	struct branch *branch;

	for (size_t i = 0; i < branches->count; i++) {
		branch = &branches->items[i];
		if (strlen(branch->name) == len && memcmp(branch->name, name, len) == 0)
			return branch;
	}
	if (branches->count == BRANCHES_MAX)
		return NULL;
	branch = &branches->items[branches->count];
	*branch = (struct branch){ .name = strndup(name, len) };
	if (branch->name == NULL)
		return NULL;
	branches->count++;
	return branch;
}

/* "branch.NAME.folder" LF VALUE; a NAME may hold dots. */
static int take_setting(struct branches *branches, char *setting)
{
	char *value = strchr(setting, '\n');
	const char *variable;
	struct branch *branch;
	char **member;

	if (value == NULL || strncmp(setting, "branch.", 7) != 0)
		return 0;
	*value++ = '\0';
	variable = strrchr(setting, '.');
	if (variable < setting + 7)
		return 0;
	branch = place_for(branches, setting + 7, (size_t)(variable - setting - 7));
	if (branch == NULL)
		return -E2BIG;
	if (strcmp(variable, ".folder") != 0 && strcmp(variable, ".base") != 0)
		return 0;
	member = strcmp(variable, ".folder") == 0 ? &branch->folder : &branch->base;
	free(*member);
	*member = strdup(value);
	return *member == NULL ? -ENOMEM : 0;
}

/* An entry that is half written is none. */
static void drop_halves(struct branches *branches)
{
	size_t kept = 0;

	for (size_t i = 0; i < branches->count; i++) {
		struct branch *branch = &branches->items[i];

		if (branch->folder == NULL || branch->base == NULL)
			branch_finish(branch);
		else
			branches->items[kept++] = *branch;
	}
	branches->count = kept;
}

int registry_list(const struct repository *repository, struct branches *ret, struct err *err)
{
	const struct git_call call = repository_call(repository);
	autocall(buf_finish) struct buf out;
	autofree char *file = NULL;
	int r = file_of(repository, &file, err);
	char *at;

	buf_init(&out, 1 << 20);
	ret->count = 0;
	if (r < 0)
		return r;
	if (access(file, F_OK) < 0)
		return 0;
	const char *words[] = { "config", "--null", "--file", file, "--list", NULL };
	r = git_must(&call, words, &out, err);
	at = r < 0 ? NULL : (char *)(uintptr_t)buf_str(&out);
	if (at == NULL)
		return r < 0 ? r : err_set(err, -ENOMEM, "out of memory");
	for (const char *end = at + out.len; r == 0 && at < end;) {
		char *next = at + strlen(at) + 1;

		r = take_setting(ret, at);
		at = next;
	}
	drop_halves(ret);
	if (r < 0) {
		branches_finish(ret);
		return err_set_errno(err, r, "cannot read '%s'", file);
	}
	return 0;
}

int registry_find(const struct repository *repository, const char *name, struct branch *ret,
		  struct err *err)
{
	autocall(branches_finish) struct branches branches = { .count = 0 };
	int r = registry_list(repository, &branches, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < branches.count; i++) {
		if (strcmp(branches.items[i].name, name) == 0) {
			*ret = branches.items[i];
			branches.items[i] = (struct branch){ .name = NULL };
			return 0;
		}
	}
	return err_set(err, -ENOENT,
		       "no sandbox works on a branch '%s' of '%s'; see: sbx branch ls", name,
		       repository->top);
}

static int set_ref(const struct repository *repository, const char *name, const char *commit,
		   struct err *err)
{
	const struct git_call call = repository_call(repository);
	autofree char *ref = NULL;

	if (asprintf(&ref, "refs/sbx/keep/%s", name) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (commit == NULL) {
		const char *words[] = { "update-ref", "-d", ref, NULL };

		return git_must(&call, words, NULL, err);
	}
	const char *words[] = { "update-ref", ref, commit, NULL };

	return git_must(&call, words, NULL, err);
}

static int set_variable(const struct repository *repository, const char *file, const char *name,
			const char *variable, const char *value, struct err *err)
{
	const struct git_call call = repository_call(repository);
	autofree char *key = NULL;

	if (asprintf(&key, "branch.%s.%s", name, variable) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	const char *words[] = { "config", "--file", file, key, value, NULL };

	return git_must(&call, words, NULL, err);
}

int registry_add(const struct repository *repository, const struct branch *branch, const char *keep,
		 struct err *err)
{
	autofree char *file = NULL;
	int r = file_of(repository, &file, err);

	if (r == 0)
		r = set_ref(repository, branch->name, keep, err);
	if (r == 0)
		r = set_variable(repository, file, branch->name, "base", branch->base, err);
	if (r == 0)
		r = set_variable(repository, file, branch->name, "folder", branch->folder, err);
	return r;
}

int registry_drop(const struct repository *repository, const char *name, struct err *err)
{
	const struct git_call call = repository_call(repository);
	autofree char *file = NULL, *section = NULL;
	int r = file_of(repository, &file, err);

	if (r < 0)
		return r;
	if (asprintf(&section, "branch.%s", name) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = set_ref(repository, name, NULL, err);
	if (r < 0)
		return r;
	const char *words[] = { "config", "--file", file, "--remove-section", section, NULL };

	return git_must(&call, words, NULL, err);
}

static bool is_folder(const char *path)
{
	struct stat found;

	return lstat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len > tail && strcmp(text + len - tail, end) == 0;
}

/* Copies that were half made or half removed. */
static void sweep_folder(const struct repository *repository)
{
	autofree char *path = NULL;
	DIR *listing;
	const struct dirent *entry;

	if (asprintf(&path, "%s/" REGISTRY_FOLDER, repository->top) < 0 || !is_folder(path))
		return;
	listing = opendir(path);
	if (listing == NULL)
		return;
	while ((entry = readdir(listing)) != NULL)
		if (ends_in(entry->d_name, REGISTRY_MAKING) ||
		    ends_in(entry->d_name, REGISTRY_REMOVING))
			(void)file_remove_tree(dirfd(listing), entry->d_name);
	(void)closedir(listing);
}

static int replay(const struct repository *repository, struct err *err)
{
	static const char *const unmark[] = { "update-ref", "-d", REGISTRY_MERGE, NULL };
	const struct git_call call = repository_call(repository);
	autocall(branches_finish) struct branches branches = { .count = 0 };
	struct err absent = ERR_INIT;
	int r = registry_list(repository, &branches, err);

	(void)git_must(&call, unmark, NULL, &absent);
	sweep_folder(repository);
	for (size_t i = 0; r == 0 && i < branches.count; i++)
		if (!is_folder(branches.items[i].folder))
			r = registry_drop(repository, branches.items[i].name, err);
	return r;
}

static int wait_for_lock(int fd)
{
	uint64_t deadline_ms = clock_now_ms() + LOCK_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_left_ms(deadline_ms) == 0)
			return -EBUSY;
		(void)poll(NULL, 0, LOCK_POLL_MS);
	}
	return 0;
}

int registry_lock(const struct repository *repository, int *ret_fd, struct err *err)
{
	autofree char *folder = NULL, *path = NULL;
	autoclose int fd = -1;
	int r = registry_folder(repository, &folder, err);

	if (r < 0)
		return r;
	if (asprintf(&path, "%s/lock", folder) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_set_errno(err, -errno, "cannot open '%s'", path);
	r = wait_for_lock(fd);
	if (r == -EBUSY)
		return err_set(err, r, "another sbx is at work on the branches of '%s'; try again",
			       repository->top);
	if (r < 0)
		return err_set_errno(err, r, "cannot lock '%s'", path);
	r = replay(repository, err);
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}
