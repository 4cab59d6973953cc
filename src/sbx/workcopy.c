#include "sbx/workcopy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/branch.h"
#include "git/loss.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* What of the user's checkout the sandbox does not see. */
static void print_notes(const struct workcopy *workcopy)
{
	struct err ignored = ERR_INIT;
	size_t changed = 0;

	if (!workcopy->is_new)
		return;
	if (repository_count_changed(&workcopy->repository, &changed, &ignored) == 0 && changed > 0)
		(void)fprintf(
			stderr,
			"NOTE: %zu changed file%s of your checkout %s not in the branch; what "
			"the sandbox is to see must be committed\n",
			changed, changed == 1 ? "" : "s", changed == 1 ? "is" : "are");
	if (workcopy->repository.has_submodules)
		(void)fputs(
			"NOTE: submodules are empty in the sandbox; there run: git submodule "
			"update --init\n",
			stderr);
	if (workcopy->repository.has_large_files)
		(void)fputs(
			"NOTE: files of Git LFS are pointers in the sandbox; there run: git lfs "
			"pull\n",
			stderr);
}

static int take_paths(struct workcopy *workcopy, const char *const *paths, size_t count,
		      struct err *err)
{
	workcopy->paths_count = count > 0 ? count : 1;
	workcopy->paths = calloc(workcopy->paths_count, sizeof(*workcopy->paths));
	if (workcopy->paths == NULL)
		return out_of_memory(err);
	workcopy->paths[0] = workcopy->branch.folder;
	for (size_t i = 1; i < count; i++)
		workcopy->paths[i] = paths[i];
	return 0;
}

static bool is_read_only(const char *path)
{
	size_t len = strlen(path);

	return len > 3 && strcmp(path + len - 3, ":ro") == 0;
}

int workcopy_begin(struct workcopy *workcopy, const char *branch, const char *const *paths,
		   size_t paths_count, bool quiet, struct err *err)
{
	const char *path = paths_count > 0 ? paths[0] : ".";
	int r;

	if (is_read_only(path))
		return err_set(err, -EINVAL, "a branch is to be worked on; leave out ':ro'");
	r = repository_open(path, &workcopy->repository, err);
	if (r == 0)
		r = branch_make(&workcopy->repository, branch, &workcopy->branch, &workcopy->is_new,
				err);
	if (r == 0)
		r = take_paths(workcopy, paths, paths_count, err);
	if (r == 0 && !quiet)
		print_notes(workcopy);
	return r;
}

void workcopy_finish(struct workcopy *workcopy)
{
	branch_finish(&workcopy->branch);
	repository_finish(&workcopy->repository);
	free(workcopy->paths);
	workcopy->paths = NULL;
}

void workcopy_undo(struct workcopy *workcopy)
{
	struct err ignored = ERR_INIT;

	if (workcopy->is_new)
		(void)branch_remove(&workcopy->repository, &workcopy->branch, &ignored);
	workcopy->is_new = false;
}

static int add_borrowed(json_t *mounts, const char *path)
{
	return json_array_append_new(mounts, json_pack("{s:s, s:s, s:b}", "source", path, "target",
						       path, "read_only", 1));
}

int workcopy_add(const struct workcopy *workcopy, json_t *body, struct err *err)
{
	const struct repository *repository = &workcopy->repository;
	json_t *mounts = json_object_get(body, "mounts");
	int r = add_borrowed(mounts, repository->objects);

	for (size_t i = 0; i < repository->borrowed_count; i++)
		r |= add_borrowed(mounts, repository->borrowed[i]);
	r |= json_object_set_new(body, "labels",
				 json_pack("{s:s, s:s}", WORKCOPY_LABEL_BRANCH,
					   workcopy->branch.name, WORKCOPY_LABEL_REPOSITORY,
					   repository->top));
	return r == 0 ? 0
		      : err_set(err, -EINVAL,
				"the path of the repository '%s' or the name of the branch is not "
				"UTF-8; rename it",
				repository->top);
}

const char *workcopy_branch_of(const json_t *sandbox)
{
	return sandbox_text(json_object_get(sandbox, "labels"), WORKCOPY_LABEL_BRANCH);
}

static int release(const char *top, const char *name, struct err *err)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	autocall(branch_finish) struct branch branch = { .name = NULL };
	autocall(buf_finish) struct buf text;
	struct loss loss;
	int r = repository_open(top, &repository, err);

	buf_init(&text, 256);
	if (r == 0)
		r = registry_find(&repository, name, &branch, err);
	if (r == 0)
		r = loss_find(&repository, &branch, &loss, err);
	if (r < 0)
		return r;
	if (loss.commits == 0 && loss.files == 0)
		return branch_remove(&repository, &branch, err);
	if (loss_describe(&loss, &text) < 0 || buf_str(&text) == NULL)
		return out_of_memory(err);
	(void)err_set(err, 0,
		      "branch '%s' has %s that you do not have, and was kept: sbx branch merge %s, "
		      "or sbx branch rm %s",
		      name, buf_str(&text), name, name);
	return 1;
}

void workcopy_release(const json_t *sandbox)
{
	const char *name = workcopy_branch_of(sandbox);
	const char *top =
		sandbox_text(json_object_get(sandbox, "labels"), WORKCOPY_LABEL_REPOSITORY);
	struct err err = ERR_INIT;

	if (*name == '\0' || release(top, name, &err) == 0)
		return;
	report_warning(err.text);
}
