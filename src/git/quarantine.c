#include "git/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "git/refs.h"
#include "git/registry.h"

#define WORK_PREFIX "work-"

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Folders whose maker is gone. Called under the registry's lock, so none is just being made. */
static void sweep(const char *place)
{
	DIR *listing = opendir(place);
	const struct dirent *entry;

	if (listing == NULL)
		return;
	while ((entry = readdir(listing)) != NULL) {
		autoclose int fd = -1;

		if (strncmp(entry->d_name, WORK_PREFIX, strlen(WORK_PREFIX)) != 0)
			continue;
		fd = openat(dirfd(listing), entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)file_remove_tree(dirfd(listing), entry->d_name);
	}
	(void)closedir(listing);
}

static int make_folder(const struct repository *repository, struct quarantine *quarantine,
		       struct err *err)
{
	autofree char *place = NULL, *folder = NULL;
	autoclose int registry = -1;
	int r = registry_lock(repository, &registry, err);

	if (r == 0)
		r = registry_folder(repository, &place, err);
	if (r < 0)
		return r;
	sweep(place);
	if (asprintf(&folder, "%s/" WORK_PREFIX "XXXXXX", place) < 0)
		return out_of_memory(err);
	if (mkdtemp(folder) == NULL)
		return err_set_errno(err, -errno, "cannot make a folder in '%s'", place);
	quarantine->folder = take_ptr(folder);
	quarantine->lock = open(quarantine->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (quarantine->lock < 0 || flock(quarantine->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set_errno(err, -errno, "cannot lock '%s'", quarantine->folder);
	return 0;
}

static int name_parts(struct quarantine *quarantine, struct err *err)
{
	if (asprintf(&quarantine->source, "%s/source", quarantine->folder) < 0 ||
	    asprintf(&quarantine->own, "%s/own", quarantine->folder) < 0 ||
	    asprintf(&quarantine->index, "%s/index", quarantine->folder) < 0)
		return out_of_memory(err);
	return 0;
}

static struct git_call call_in(const char *git_dir)
{
	return (struct git_call){ .trust = GIT_FOREIGN, .folder = git_dir, .git_dir = git_dir };
}

static int put(const char *folder, const char *name, const struct buf *bytes, struct err *err)
{
	autofree char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return out_of_memory(err);
	r = file_write(AT_FDCWD, path, bytes->data, bytes->len, 0644);
	return r < 0 ? err_set_errno(err, r, "cannot write '%s'", path) : 0;
}

static int put_alternates(const struct quarantine *quarantine, const char *git_dir, bool and_copy,
			  struct err *err)
{
	autocall(buf_finish) struct buf lines;
	autofree char *info = NULL;
	int r;

	buf_init(&lines, 1 << 16);
	r = buf_printf(&lines, "%s\n", quarantine->repository->objects);
	if (r == 0 && and_copy)
		r = buf_printf(&lines, "%s/.git/objects\n", quarantine->branch->folder);
	if (r < 0 || asprintf(&info, "%s/objects/info", git_dir) < 0)
		return out_of_memory(err);
	if (mkdir(info, 0755) < 0 && errno != EEXIST)
		return err_set_errno(err, -errno, "cannot make '%s'", info);
	return put(git_dir, "objects/info/alternates", &lines, err);
}

static int put_shallow(const struct quarantine *quarantine, const char *git_dir, struct err *err)
{
	autocall(buf_finish) struct buf bytes;
	autofree char *path = NULL;
	int r;

	buf_init(&bytes, REFS_PACKED_MAX);
	if (!quarantine->repository->is_shallow)
		return 0;
	if (asprintf(&path, "%s/shallow", quarantine->repository->common) < 0)
		return out_of_memory(err);
	r = file_read(AT_FDCWD, path, &bytes);
	return r < 0 ? err_set_errno(err, r, "cannot read '%s'", path)
		     : put(git_dir, "shallow", &bytes, err);
}

static int init(const struct quarantine *quarantine, const char *git_dir, bool and_copy,
		struct err *err)
{
	const struct git_call call = { .trust = GIT_FOREIGN, .folder = quarantine->folder };
	autofree char *format = NULL;
	int r;

	if (asprintf(&format, "--object-format=%s", quarantine->repository->format) < 0)
		return out_of_memory(err);
	const char *words[] = { "init", "--quiet", "--bare", "--template=", format, git_dir, NULL };

	r = git_must(&call, words, NULL, err);
	if (r == 0)
		r = put_alternates(quarantine, git_dir, and_copy, err);
	return r < 0 ? r : put_shallow(quarantine, git_dir, err);
}

static int set_branch(const char *git_dir, const char *ref, const char *oid, struct err *err)
{
	const struct git_call call = call_in(git_dir);
	const char *words[] = { "update-ref", ref, oid, NULL };

	return git_must(&call, words, NULL, err);
}

static int make_source(struct quarantine *quarantine, struct err *err)
{
	autofree char *copy = NULL;
	int r = name_parts(quarantine, err);

	if (r == 0 && asprintf(&copy, "%s/.git", quarantine->branch->folder) < 0)
		r = out_of_memory(err);
	if (r == 0)
		r = refs_read_branch(copy, quarantine->branch->name, quarantine->tip, err);
	if (r == 0)
		r = init(quarantine, quarantine->source, true, err);
	if (r < 0)
		return r;
	r = set_branch(quarantine->source, "refs/heads/tip", quarantine->tip, err);
	return r < 0 ? err_wrap(err, "the commits of branch '%s' are damaged",
				quarantine->branch->name)
		     : 0;
}

int quarantine_open(const struct repository *repository, const struct branch *branch,
		    struct quarantine *ret, struct err *err)
{
	struct quarantine quarantine = { .repository = repository, .branch = branch, .lock = -1 };
	int r = make_folder(repository, &quarantine, err);

	if (r == 0)
		r = make_source(&quarantine, err);
	if (r < 0) {
		quarantine_finish(&quarantine);
		return r;
	}
	*ret = quarantine;
	return 0;
}

void quarantine_finish(struct quarantine *quarantine)
{
	if (quarantine->folder != NULL)
		(void)file_remove_tree(AT_FDCWD, quarantine->folder);
	free(quarantine->folder);
	free(quarantine->source);
	free(quarantine->own);
	free(quarantine->index);
	if (quarantine->lock >= 0)
		(void)close(quarantine->lock);
	*quarantine = (struct quarantine){ .lock = -1 };
}

int quarantine_bring(struct quarantine *quarantine, struct err *err)
{
	const struct git_call call = call_in(quarantine->own);
	const char *words[] = { "fetch",
				"--quiet",
				"--no-tags",
				"--no-write-fetch-head",
				"--no-recurse-submodules",
				quarantine->source,
				"+refs/heads/tip:refs/heads/tip",
				NULL };
	static const char *const head[] = { "symbolic-ref", "HEAD", "refs/heads/tip", NULL };
	int r = init(quarantine, quarantine->own, false, err);

	if (r == 0) /* known to both, so that only what is new is fetched */
		r = set_branch(quarantine->own, "refs/heads/base", quarantine->branch->base, err);
	if (r == 0 && quarantine->repository->head != NULL)
		r = set_branch(quarantine->own, "refs/heads/ours", quarantine->repository->head,
			       err);
	if (r < 0)
		return r;
	r = git_must(&call, words, NULL, err);
	if (r < 0)
		return err_wrap(err, "git refuses what the sandbox committed on '%s'",
				quarantine->branch->name);
	return git_must(&call, head, NULL, err);
}

struct git_call quarantine_call(const struct quarantine *quarantine)
{
	return call_in(quarantine->own);
}

struct git_call quarantine_files(const struct quarantine *quarantine)
{
	return (struct git_call){ .trust = GIT_FOREIGN,
				  .folder = quarantine->branch->folder,
				  .git_dir = quarantine->own,
				  .work_tree = quarantine->branch->folder,
				  .index = quarantine->index };
}

/* Lines for `git rev-list --stdin`: what is asked about, and what the user has. */
static int list_ends(const struct quarantine *quarantine, bool all, struct buf *ret,
		     struct err *err)
{
	static const char *const words[] = { "for-each-ref", "--format=^%(objectname)",
					     "refs/heads",   "refs/remotes",
					     "refs/tags",    NULL };
	const struct git_call call = repository_call(quarantine->repository);
	autofree char *copy = NULL;
	int r = git_must(&call, words, ret, err);

	if (r < 0)
		return r;
	if (asprintf(&copy, "%s/.git", quarantine->branch->folder) < 0 ||
	    (quarantine->repository->head != NULL &&
	     buf_printf(ret, "^%s\n", quarantine->repository->head) < 0) ||
	    buf_printf(ret, "^%s\n%s\n", quarantine->branch->base, quarantine->tip) < 0)
		return out_of_memory(err);
	return all ? refs_read_all(copy, ret, err) : 0;
}

int quarantine_count(const struct quarantine *quarantine, bool all, size_t *ret, struct err *err)
{
	static const char *const words[] = { "rev-list", "--count", "--stdin", NULL };
	struct git_call call = call_in(quarantine->source);
	autocall(buf_finish) struct buf ends;
	autofree char *line = NULL;
	uint64_t count = 0;
	int r;

	buf_init(&ends, REFS_PACKED_MAX);
	r = list_ends(quarantine, all, &ends, err);
	call.input = ends.data;
	call.input_len = ends.len;
	if (r == 0)
		r = git_line(&call, words, &line, err);
	if (r == 0 && parse_u64(line, SIZE_MAX, &count) < 0)
		r = err_set(err, -EIO, "git counts '%s' commits", line);
	if (r == 0)
		*ret = (size_t)count;
	return r;
}

int quarantine_status(const struct quarantine *quarantine, struct buf *ret, struct err *err)
{
	static const char *const fill[] = { "read-tree", "refs/heads/tip", NULL };
	static const char *const status[] = {
		"status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=all",
		NULL
	};
	const struct git_call call = quarantine_files(quarantine);
	int r = git_must(&call, fill, NULL, err);

	return r < 0 ? r : git_must(&call, status, ret, err);
}
