#include "git/repository.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/command.h"

bool git_is_oid(const char *text)
{
	size_t len = strspn(text, "0123456789abcdef");

	return text[len] == '\0' && (len == 40 || len == 64);
}

struct git_call repository_call(const struct repository *repository)
{
	return (struct git_call){ .trust = GIT_OWN, .folder = repository->top };
}

/* Takes the next line off a text; NULL when there is none. */
static char *next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return line;
}

static int find_kind(const struct git_call *call, struct err *err)
{
	static const char *const words[] = { "rev-parse", "--is-bare-repository",
					     "--is-inside-work-tree", NULL };
	autocall(buf_finish) struct buf out;
	const char *text;
	int r;

	buf_init(&out, 4096);
	r = git_run(call, words, &out, err);
	if (r < 0)
		return r;
	if (r > 0 && strstr(err->text, "not a git repository") != NULL)
		return err_set(err, -ENOENT,
			       "'%s' is in no git repository; make one with: git init",
			       call->folder);
	if (r > 0)
		return err_wrap(err, "cannot use the git repository at '%s'", call->folder);
	text = buf_str(&out);
	if (text == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (strncmp(text, "true", 4) == 0)
		return err_set(err, -EOPNOTSUPP,
			       "'%s' is a bare repository, which has no files to work on; clone it "
			       "and use the clone",
			       call->folder);
	if (strstr(text, "\ntrue") == NULL)
		return err_set(err, -EOPNOTSUPP,
			       "'%s' is inside a .git folder; name the folder of the work tree",
			       call->folder);
	return 0;
}

static int take_places(const struct git_call *call, struct repository *repository, struct err *err)
{
	static const char *const words[] = {
		"rev-parse", "--path-format=absolute", "--show-toplevel",
		"--git-dir", "--git-common-dir",       "--git-path",
		"objects",   "--show-object-format",   "--is-shallow-repository",
		NULL
	};
	char **places[] = { &repository->top, &repository->git_dir, &repository->common,
			    &repository->objects, &repository->format };
	autocall(buf_finish) struct buf out;
	char *text, *line;
	int r;

	buf_init(&out, 1 << 16);
	r = git_must(call, words, &out, err);
	if (r < 0)
		return r;
	text = (char *)(uintptr_t)buf_str(&out);
	for (size_t i = 0; text != NULL && i < countof(places); i++) {
		line = next_line(&text);
		*places[i] = line == NULL ? NULL : strdup(line);
		if (*places[i] == NULL)
			return err_set(err, -ENOMEM, "out of memory");
	}
	line = text == NULL ? NULL : next_line(&text);
	if (line == NULL || (strcmp(line, "true") != 0 && strcmp(line, "false") != 0))
		return err_set(err, -EOPNOTSUPP,
			       "the path of the repository at '%s' has a line break in it; rename "
			       "the folder",
			       call->folder);
	repository->is_shallow = *line == 't';
	repository->is_linked = strcmp(repository->git_dir, repository->common) != 0;
	return 0;
}

static int take_head(const struct git_call *call, struct repository *repository, struct err *err)
{
	static const char *const commit[] = { "rev-parse", "--verify", "--quiet", "HEAD^{commit}",
					      NULL };
	static const char *const branch[] = { "symbolic-ref", "--short", "--quiet", "HEAD", NULL };
	struct err ignored = ERR_INIT;
	int r = git_line(call, commit, &repository->head, &ignored);

	if (r < 0 && r != -EIO)
		return err_set(err, r, "%s", ignored.text);
	r = git_line(call, branch, &repository->branch, &ignored);
	return r < 0 && r != -EIO ? err_set(err, r, "%s", ignored.text) : 0;
}

static bool exists(const char *folder, const char *name)
{
	autofree char *path = NULL;
	struct stat found;

	return asprintf(&path, "%s/%s", folder, name) >= 0 && lstat(path, &found) == 0;
}

static const char *find_operation(const struct repository *repository)
{
	static const struct {
		const char *mark, *operation;
	} marks[] = { { "MERGE_HEAD", "merge" },     { "rebase-merge", "rebase" },
		      { "rebase-apply", "rebase" },  { "CHERRY_PICK_HEAD", "cherry-pick" },
		      { "REVERT_HEAD", "revert" },   { "BISECT_LOG", "bisect" },
		      { "sequencer", "cherry-pick" } };

	for (size_t i = 0; i < countof(marks); i++)
		if (exists(repository->git_dir, marks[i].mark))
			return marks[i].operation;
	return NULL;
}

/* "alternate: PATH" of count-objects -v, which follows them as far as git itself does. */
static int take_borrowed(const struct git_call *call, struct repository *repository,
			 struct err *err)
{
	static const char *const words[] = { "count-objects", "-v", NULL };
	static const char prefix[] = "alternate: ";
	autocall(buf_finish) struct buf out;
	char *text, *line;
	int r;

	buf_init(&out, 1 << 16);
	r = git_must(call, words, &out, err);
	text = r < 0 ? NULL : (char *)(uintptr_t)buf_str(&out);
	while (r == 0 && text != NULL && (line = next_line(&text)) != NULL) {
		const char *path = line + sizeof(prefix) - 1;

		if (strncmp(line, prefix, sizeof(prefix) - 1) != 0)
			continue;
		if (repository->borrowed_count == GIT_BORROWED_MAX || *path != '/')
			return err_set(err, -EOPNOTSUPP,
				       "the repository at '%s' borrows objects from too many "
				       "others; make it whole with: git repack -a -d",
				       repository->top);
		repository->borrowed[repository->borrowed_count] = realpath(path, NULL);
		if (repository->borrowed[repository->borrowed_count] != NULL)
			repository->borrowed_count++;
	}
	return r;
}

static int refuse_partial(const struct git_call *call, const struct repository *repository,
			  struct err *err)
{
	static const char *const words[] = { "config", "--get-regexp",
					     "^(remote\\..*\\.promisor|extensions\\.partialclone)$",
					     NULL };
	autocall(buf_finish) struct buf out;
	int r;

	buf_init(&out, 1 << 16);
	r = git_run(call, words, &out, err);
	if (r == 0)
		return err_set(
			err, -EOPNOTSUPP,
			"'%s' is a partial clone, and a sandbox cannot fetch what is missing; "
			"make it whole with: git fetch --refetch --no-filter",
			repository->top);
	return r == 1 ? 0 : r < 0 ? r : err_wrap(err, "git config");
}

/* Whether a command prints anything. */
static int prints(const struct git_call *call, const char *const *words, bool *ret, struct err *err)
{
	autocall(buf_finish) struct buf out;
	int r;

	buf_init(&out, GIT_OUTPUT_MAX);
	r = git_must(call, words, &out, err);
	*ret = out.len > 0;
	return r;
}

static int take_kinds_of_files(const struct git_call *call, struct repository *repository,
			       struct err *err)
{
	static const char *const large[] = { "ls-files", "-z", ":(top,attr:filter=lfs)", NULL };

	repository->has_submodules = exists(repository->top, ".gitmodules");
	return prints(call, large, &repository->has_large_files, err);
}

static int find_all(const struct git_call *call, struct repository *repository, struct err *err)
{
	int r = find_kind(call, err);

	if (r == 0)
		r = take_places(call, repository, err);
	if (r == 0)
		r = refuse_partial(call, repository, err);
	if (r == 0)
		r = take_head(call, repository, err);
	if (r == 0)
		r = take_borrowed(call, repository, err);
	if (r == 0)
		r = take_kinds_of_files(call, repository, err);
	repository->operation = r < 0 ? NULL : find_operation(repository);
	return r;
}

int repository_open(const char *folder, struct repository *ret, struct err *err)
{
	autofree char *real = realpath(folder, NULL);
	struct repository repository = { .top = NULL };
	const struct git_call call = { .trust = GIT_OWN, .folder = real };
	struct stat found;
	int r;

	if (real == NULL || stat(real, &found) < 0 || !S_ISDIR(found.st_mode))
		return err_set(err, -ENOENT, "there is no folder '%s'", folder);
	r = find_all(&call, &repository, err);
	if (r < 0) {
		repository_finish(&repository);
		return r;
	}
	*ret = repository;
	return 0;
}

void repository_finish(struct repository *repository)
{
	free(repository->top);
	free(repository->git_dir);
	free(repository->common);
	free(repository->objects);
	for (size_t i = 0; i < repository->borrowed_count; i++)
		free(repository->borrowed[i]);
	free(repository->format);
	free(repository->head);
	free(repository->branch);
	*repository = (struct repository){ .top = NULL };
}

int repository_check_settled(const struct repository *repository, struct err *err)
{
	if (repository->operation != NULL)
		return err_set(err, -EBUSY,
			       "the repository '%s' is in the middle of a %s; finish or abort it "
			       "first, see: git status",
			       repository->top, repository->operation);
	if (repository->head == NULL)
		return err_set(err, -ENODATA,
			       "the repository '%s' has no commit yet; make one first: git commit",
			       repository->top);
	return 0;
}

int repository_count_changed(const struct repository *repository, size_t *ret, struct err *err)
{
	static const char *const words[] = {
		"diff", "-z", "--name-only", "--no-renames", "HEAD", "--no-ext-diff", NULL
	};
	const struct git_call call = repository_call(repository);
	autocall(buf_finish) struct buf out;
	size_t count = 0;
	int r;

	buf_init(&out, GIT_OUTPUT_MAX);
	r = git_must(&call, words, &out, err);
	for (size_t i = 0; r == 0 && i < out.len; i++)
		count += out.data[i] == '\0';
	if (r == 0)
		*ret = count;
	return r;
}

int repository_resolve(const struct repository *repository, const char *words, char **ret,
		       struct err *err)
{
	const struct git_call call = repository_call(repository);
	autofree char *commit = NULL;

	if (asprintf(&commit, "%s^{commit}", words) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	const char *line[] = {
		"rev-parse", "--verify", "--quiet", "--end-of-options", commit, NULL
	};

	return git_line(&call, line, ret, err) < 0
		       ? err_set(err, -EINVAL, "'%s' names no commit in '%s'", words,
				 repository->top)
		       : 0;
}

/* "NAME <ADDRESS> TIME ZONE" */
int repository_identity(const struct repository *repository, char **ret_name, char **ret_address,
			struct err *err)
{
	static const char *const words[] = { "var", "GIT_AUTHOR_IDENT", NULL };
	const struct git_call call = repository_call(repository);
	autofree char *line = NULL, *name = NULL, *mail = NULL;
	const char *address, *end;
	int r = git_line(&call, words, &line, err);

	if (r < 0)
		return r;
	address = strchr(line, '<');
	end = address == NULL ? NULL : strchr(address, '>');
	if (end == NULL || address < line + 2)
		return err_set(err, -EIO, "git calls you '%s'", line);
	name = strndup(line, (size_t)(address - 1 - line));
	mail = strndup(address + 1, (size_t)(end - address - 1));
	if (name == NULL || mail == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	*ret_name = take_ptr(name);
	*ret_address = take_ptr(mail);
	return 0;
}

/* What makes a filter do nothing; git-config(1), filter.<driver>.*. NULL for other settings. */
static const char *replacement(const char *key)
{
	static const struct {
		const char *variable, *value;
	} rows[] = {
		{ ".clean", "" }, { ".smudge", "" }, { ".process", "" }, { ".required", "false" }
	};
	const char *dot = strrchr(key, '.');

	for (size_t i = 0; i < countof(rows); i++)
		if (strncmp(key, "filter.", 7) == 0 && dot != NULL &&
		    strcmp(dot, rows[i].variable) == 0)
			return rows[i].value;
	return NULL;
}

static int turn_off(const char *key, struct git_settings *ret, struct err *err)
{
	const char *value = replacement(key);
	int r;

	if (value == NULL)
		return 0;
	if (strchr(key, '=') != NULL)
		return err_set(err, -EOPNOTSUPP,
			       "a filter of your git configuration has '=' in its name: %s", key);
	r = git_settings_add(ret, key, value);
	return r == -E2BIG ? err_set(err, r, "git is configured with too many filters")
	       : r < 0	   ? err_set(err, r, "out of memory")
			   : 0;
}

int repository_filters_off(const struct repository *repository, struct git_settings *ret,
			   struct err *err)
{
	static const char *const words[] = { "config", "--null", "--name-only", "--list", NULL };
	const struct git_call call = repository_call(repository);
	autocall(buf_finish) struct buf out;
	const char *key, *end;
	int r;

	buf_init(&out, 1 << 20);
	r = git_must(&call, words, &out, err);
	if (r < 0)
		return r;
	key = buf_str(&out);
	if (key == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (end = key + out.len; r == 0 && key < end; key += strlen(key) + 1)
		r = turn_off(key, ret, err);
	return r;
}
