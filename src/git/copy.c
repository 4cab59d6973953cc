#include "git/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "git/command.h"
#include "git/config_list.h"
#include "git/repository.h"
#include "git/submodules.h"

#define REF_FORMAT "--format=%(objectname) %(refname) %(symref)"

enum { REFS_BYTES_MAX = 16 * 1048576 };

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Appends one line for each reference: OBJECT NAME [TARGET]. */
static int list_refs(const struct repository *repository, const char *filter, const char *where,
		     const char *more, struct buf *ret, struct err *err)
{
	const struct git_call call = repository_call(repository);
	const char *words[] = { "for-each-ref", REF_FORMAT, "--sort=-committerdate", filter, where,
				more,		NULL };

	return git_must(&call, words, ret, err);
}

static int list_heads(const struct repository *repository, struct buf *ret, struct err *err)
{
	char count[32];

	(void)snprintf(count, sizeof(count), "--count=%d", COPY_HEADS_MAX);
	return list_refs(repository, count, "refs/heads", NULL, ret, err);
}

/* Calls back for each line, cut at its blanks; symbolic references are passed over. */
static int walk_refs(struct buf *lines, int (*visit)(void *context, const char *oid, char *name),
		     void *context)
{
	char *text = (char *)(uintptr_t)buf_str(lines), *rest = NULL;
	int r = 0;

	if (text == NULL)
		return -ENOMEM;
	for (char *line = strtok_r(text, "\n", &rest); r == 0 && line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *name = strchr(line, ' ');
		char *target = name == NULL ? NULL : strchr(name + 1, ' ');

		if (target == NULL || target[1] != '\0')
			continue;
		*name++ = *target = '\0';
		if (git_is_oid(line))
			r = visit(context, line, name);
	}
	return r;
}

static int write_parent(void *context, const char *oid, char *name)
{
	(void)name;
	return buf_printf(context, "parent %s\n", oid);
}

static int hash(const struct repository *repository, const char *type, const struct buf *content,
		char **ret, struct err *err)
{
	struct git_call call = repository_call(repository);
	const char *words[] = { "hash-object", "-t", type, "-w", "--stdin", NULL };

	if (content != NULL) {
		call.input = content->data;
		call.input_len = content->len;
	}
	return git_line(&call, words, ret, err);
}

int copy_make_keep(const struct repository *repository, const char *start, char **ret,
		   struct err *err)
{
	autocall(buf_finish) struct buf others, commit;
	autofree char *tree = NULL, *filter = NULL;
	int r;

	buf_init(&others, REFS_BYTES_MAX);
	buf_init(&commit, REFS_BYTES_MAX);
	if (asprintf(&filter, "--no-merged=%s", start) < 0)
		return out_of_memory(err);
	r = list_refs(repository, filter, "refs/heads", NULL, &others, err);
	if (r < 0)
		return r;
	if (others.len == 0) {
		*ret = strdup(start);
		return *ret == NULL ? out_of_memory(err) : 0;
	}
	r = hash(repository, "tree", NULL, &tree, err);
	if (r < 0)
		return r;
	r = buf_printf(&commit, "tree %s\nparent %s\n", tree, start);
	if (r == 0)
		r = walk_refs(&others, write_parent, &commit);
	if (r == 0)
		r = buf_printf(&commit,
			       "author sbx <sbx> 0 +0000\ncommitter sbx <sbx> 0 +0000\n\n"
			       "what the branch of a sandbox was made from\n");
	return r < 0 ? out_of_memory(err) : hash(repository, "commit", &commit, ret, err);
}

static struct git_call call_of(const struct copy_plan *plan)
{
	return (struct git_call){ .trust = GIT_FOREIGN, .folder = plan->folder };
}

static int init(const struct repository *repository, const struct copy_plan *plan, struct err *err)
{
	const struct git_call call = { .trust = GIT_FOREIGN, .folder = repository->top };
	autofree char *format = NULL;

	if (asprintf(&format, "--object-format=%s", repository->format) < 0)
		return out_of_memory(err);
	const char *words[] = { "init", "--quiet", "--template=", format, plan->folder, NULL };

	return git_must(&call, words, NULL, err);
}

/* Writes NAME in the copy's .git. */
static int put(const struct copy_plan *plan, const char *name, const void *bytes, size_t len,
	       struct err *err)
{
	autofree char *path = NULL;
	int r;

	if (asprintf(&path, "%s/.git/%s", plan->folder, name) < 0)
		return out_of_memory(err);
	r = file_write(AT_FDCWD, path, bytes, len, 0644);
	return r < 0 ? err_set_errno(err, r, "cannot write '%s'", path) : 0;
}

/* gitrepository-layout(5), objects/info/alternates. */
static int borrow_objects(const struct repository *repository, const struct copy_plan *plan,
			  struct err *err)
{
	autofree char *line = NULL, *info = NULL;

	if (asprintf(&line, "%s\n", repository->objects) < 0 ||
	    asprintf(&info, "%s/.git/objects/info", plan->folder) < 0)
		return out_of_memory(err);
	if (mkdir(info, 0755) < 0 && errno != EEXIST)
		return err_set_errno(err, -errno, "cannot make '%s'", info);
	return put(plan, "objects/info/alternates", line, strlen(line), err);
}

/* The same end of history as in the user's repository. */
static int copy_shallow(const struct repository *repository, const struct copy_plan *plan,
			struct err *err)
{
	autocall(buf_finish) struct buf bytes;
	autofree char *path = NULL;
	int r;

	buf_init(&bytes, REFS_BYTES_MAX);
	if (!repository->is_shallow)
		return 0;
	if (asprintf(&path, "%s/shallow", repository->common) < 0)
		return out_of_memory(err);
	r = file_read(AT_FDCWD, path, &bytes);
	return r < 0 ? err_set_errno(err, r, "cannot read '%s'", path)
		     : put(plan, "shallow", bytes.data, bytes.len, err);
}

/* Lines for `git update-ref --stdin`. */
struct creation {
	struct buf lines;
	const char *except; /* the copy's own branch */
};

static int write_creation(void *context, const char *oid, char *name)
{
	struct creation *creation = context;

	if (strcmp(name, creation->except) == 0)
		return 0;
	return buf_printf(&creation->lines, "create %s %s\n", name, oid);
}

/* Besides the branch: the other branches, and remotes' branches and tags that it contains. */
static int list_for_copy(const struct repository *repository, const struct copy_plan *plan,
			 struct buf *ret, struct err *err)
{
	autofree char *filter = NULL;
	int r;

	if (asprintf(&filter, "--merged=%s", plan->start) < 0)
		return out_of_memory(err);
	r = list_heads(repository, ret, err);
	return r < 0 ? r : list_refs(repository, filter, "refs/remotes", "refs/tags", ret, err);
}

static int create_refs(const struct repository *repository, const struct copy_plan *plan,
		       struct err *err)
{
	static const char *const words[] = { "update-ref", "--stdin", NULL };
	struct git_call call = call_of(plan);
	autocall(buf_finish) struct buf listed;
	autofree char *own = NULL;
	struct creation creation;
	int r;

	buf_init(&listed, REFS_BYTES_MAX);
	if (asprintf(&own, "refs/heads/%s", plan->name) < 0)
		return out_of_memory(err);
	buf_init(&creation.lines, REFS_BYTES_MAX);
	creation.except = own;
	r = list_for_copy(repository, plan, &listed, err);
	if (r == 0 && (buf_printf(&creation.lines, "create %s %s\n", own, plan->start) < 0 ||
		       walk_refs(&listed, write_creation, &creation) < 0))
		r = out_of_memory(err);
	call.input = creation.lines.data;
	call.input_len = creation.lines.len;
	if (r == 0)
		r = git_must(&call, words, NULL, err);
	buf_finish(&creation.lines);
	return r;
}

static int configure(const struct copy_plan *plan, const char *key, const char *value,
		     struct err *err)
{
	const struct git_call call = call_of(plan);
	const char *words[] = { "config", key, value, NULL };

	return git_must(&call, words, NULL, err);
}

/*
 * In the sandbox the configuration is read-only: nothing that git does there by itself may want
 * to note something in it, as it does for a branch that starts from a remote's.
 */
static int configure_unwritten(const struct repository *repository, const struct copy_plan *plan,
			       struct err *err)
{
	const struct git_call call = call_of(plan);
	int r = configure(plan, "branch.autoSetupMerge", "false", err);

	if (r == 0)
		r = configure(plan, "push.default", "current", err);
	return r < 0 ? r : submodules_configure(repository, plan->start, &call, err);
}

/* Who commits there, where the user is known to git at all. */
static int copy_identity(const struct repository *repository, const struct copy_plan *plan,
			 struct err *err)
{
	autofree char *name = NULL, *address = NULL;
	struct err unknown = ERR_INIT;
	int r;

	if (repository_identity(repository, &name, &address, &unknown) < 0)
		return 0;
	r = configure(plan, "user.name", name, err);
	return r < 0 ? r : configure(plan, "user.email", address, err);
}

bool copy_clean_url(char *url)
{
	char *authority = strstr(url, "://"), *user, *path;

	if (strncmp(url, "file:", 5) == 0 || *url == '/' || *url == '.' || *url == '~' ||
	    strchr(url, ':') == NULL || strstr(url, "::") != NULL)
		return false;
	if (authority == NULL) /* HOST:PATH of ssh has no password */
		return true;
	authority += 3;
	path = authority + strcspn(authority, "/");
	user = memrchr(authority, '@', (size_t)(path - authority));
	if (user == NULL)
		return true;
	if (strncmp(url, "ssh://", 6) == 0) {
		path = memchr(authority, ':', (size_t)(user - authority));
		if (path != NULL)
			memmove(path, user, strlen(user) + 1);
	} else {
		memmove(authority, user + 1, strlen(user + 1) + 1);
	}
	return true;
}

/* "remote.NAME.url" and its value. */
static int copy_remote(char *key, char *url, void *data, struct err *err)
{
	const struct copy_plan *plan = data;
	autofree char *name = strndup(key + 7, strlen(key) - 7 - 4);
	autofree char *fetch_key = NULL, *fetch = NULL;
	int r;

	if (name == NULL || asprintf(&fetch_key, "remote.%s.fetch", name) < 0 ||
	    asprintf(&fetch, "+refs/heads/*:refs/remotes/%s/*", name) < 0)
		return out_of_memory(err);
	if (!copy_clean_url(url))
		return 0;
	r = configure(plan, key, url, err);
	return r < 0 ? r : configure(plan, fetch_key, fetch, err);
}

static int copy_remotes(const struct repository *repository, const struct copy_plan *plan,
			struct err *err)
{
	const struct git_call call = repository_call(repository);
	int r = git_each_config(&call, NULL, "^remote\\..*\\.url$", copy_remote,
				(struct copy_plan *)(uintptr_t)plan, err);

	return r == 1 ? 0 : r > 0 ? err_wrap(err, "git config") : r;
}

static int check_out(const struct copy_plan *plan, struct err *err)
{
	const struct git_call call = call_of(plan);
	const char *words[] = { "checkout", "--quiet", "--force", plan->name, "--", NULL };

	return git_must(&call, words, NULL, err);
}

int copy_make(const struct repository *repository, const struct copy_plan *plan, struct err *err)
{
	int r = init(repository, plan, err);

	if (r == 0)
		r = borrow_objects(repository, plan, err);
	if (r == 0)
		r = copy_shallow(repository, plan, err);
	if (r == 0)
		r = create_refs(repository, plan, err);
	if (r == 0)
		r = copy_identity(repository, plan, err);
	if (r == 0)
		r = copy_remotes(repository, plan, err);
	if (r == 0)
		r = configure_unwritten(repository, plan, err);
	if (r == 0)
		r = check_out(plan, err);
	return r;
}
