#include "sbx/branches.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "sbx/client.h"
#include "sbx/sandbox.h"
#include "sbx/workcopy.h"

json_t *branch_sandboxes(struct client *client)
{
	struct err ignored = ERR_INIT;
	json_t *list;

	client->keep_absent = true;
	return sandbox_list(client, &list, &ignored) < 0 ? json_array() : list;
}

const json_t *branch_sandbox(const json_t *sandboxes, const struct branch *branch)
{
	const json_t *sandbox;
	size_t i;

	json_array_foreach(sandboxes, i, sandbox)
	{
		const json_t *first = json_array_get(json_object_get(sandbox, "mounts"), 0);

		if (strcmp(sandbox_text(first, "source"), branch->folder) == 0)
			return sandbox;
	}
	return NULL;
}

static const json_t *sandbox_named(const json_t *sandboxes, const char *name)
{
	const json_t *sandbox;
	size_t i;

	json_array_foreach(sandboxes, i, sandbox)
	{
		if (strcmp(sandbox_text(sandbox, "name"), name) == 0 &&
		    *workcopy_branch_of(sandbox) != '\0')
			return sandbox;
	}
	return NULL;
}

static int find_in(const char *folder, const char *branch, struct branch_place *place,
		   struct err *err)
{
	int r = repository_open(folder, &place->repository, err);

	if (r == 0)
		r = registry_find(&place->repository, branch, &place->branch, err);
	if (r < 0)
		repository_finish(&place->repository);
	return r;
}

static int find(const json_t *sandboxes, const char *name, struct branch_place *place,
		struct err *err)
{
	struct err elsewhere = ERR_INIT;
	const json_t *sandbox;
	int r = find_in(".", name, place, err);

	if (r != -ENOENT)
		return r;
	sandbox = sandbox_named(sandboxes, name);
	if (sandbox == NULL)
		return r;
	return find_in(sandbox_text(json_object_get(sandbox, "labels"), WORKCOPY_LABEL_REPOSITORY),
		       workcopy_branch_of(sandbox), place, &elsewhere) < 0
		       ? err_set(err, elsewhere.code, "%s", elsewhere.text)
		       : 0;
}

int branch_place_find(struct client *client, const char *name, struct branch_place *ret,
		      struct err *err)
{
	json_t *sandboxes = branch_sandboxes(client);
	int r = find(sandboxes, name, ret, err);

	if (r == 0)
		ret->sandbox =
			json_incref((json_t *)(uintptr_t)branch_sandbox(sandboxes, &ret->branch));
	json_decref(sandboxes);
	return r;
}

/* -EOPNOTSUPP where `.git` is a file: what is behind it belongs to another folder. */
static int take_checkout(const json_t *sandbox, struct branch_place *place, struct err *err)
{
	const json_t *first = json_array_get(json_object_get(sandbox, "mounts"), 0);
	struct branch *branch = &place->branch;
	int r = repository_open(sandbox_text(first, "source"), &place->repository, err);

	if (r == 0)
		r = repository_check_settled(&place->repository, err);
	if (r < 0)
		return r;
	if (place->repository.is_linked || place->repository.branch == NULL)
		return err_set(
			err, -EOPNOTSUPP,
			"'%s' is a linked worktree or on no branch; use --branch for what is "
			"to be reviewed",
			place->repository.top);
	*branch = (struct branch){ .name = strdup(place->repository.branch),
				   .folder = strdup(place->repository.top),
				   .base = strdup(place->repository.head) };
	return branch->name != NULL && branch->folder != NULL && branch->base != NULL
		       ? 0
		       : err_set(err, -ENOMEM, "out of memory");
}

int branch_place_of_work(struct client *client, const char *name, struct branch_place *ret,
			 struct err *err)
{
	struct err unknown = ERR_INIT;
	int r = branch_place_find(client, name, ret, err);

	if (r != -ENOENT || sandbox_get(client, name, &ret->sandbox, &unknown) < 0)
		return r;
	return take_checkout(ret->sandbox, ret, err);
}

void branch_place_finish(struct branch_place *place)
{
	json_decref(place->sandbox);
	branch_finish(&place->branch);
	repository_finish(&place->repository);
	place->sandbox = NULL;
}
