#include "sbx/clone.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/command.h"
#include "git/copy.h"
#include "sbx/client.h"
#include "sbx/guestrun.h"
#include "sbx/sandbox.h"

enum { CLONE_LIST_MAX = 1 << 20, CLONE_WORDS_MAX = 40 };

/*
 * $1 the folder, $2 the branch or "", $3 $4 the user; then pairs of a remote's name and URL. As
 * root, because the folder's parents need not be there; git runs as agent. Cut off anywhere, it
 * does the rest the next time, one at a time: the clone gets its place when it is whole, and the
 * mark when its files are there, too.
 */
static const char fill_script[] =
	"set -e; folder=$1 branch=$2 name=$3 email=$4; shift 4\n"
	"making=$folder.cloning mark=$folder/.git/sandbox-clone\n"
	"exec 9>/run/sandbox-clone.lock; flock 9\n"
	"[ ! -e \"$mark\" ] || exit 0\n"
	"as() { setpriv --reuid=agent --regid=agent --init-groups env HOME=/home/agent \"$@\"; }\n"
	"mkdir -p \"$(dirname \"$folder\")\"\n"
	"[ -d \"$folder\" ] || install -d -o agent -g agent \"$folder\"\n"
	"if [ ! -e \"$folder/.git\" ]; then\n"
	"rm -rf \"$making\"; install -d -o agent -g agent \"$making\"\n"
	"as git clone --quiet --no-checkout --origin source ${branch:+--branch \"$branch\"} "
	"-- " CLONE_SOURCE
	" \"$making\" >&2\n"
	"[ -z \"$name\" ] || as git -C \"$making\" config user.name \"$name\"\n"
	"[ -z \"$email\" ] || as git -C \"$making\" config user.email \"$email\"\n"
	"while [ $# -gt 1 ]; do as git -C \"$making\" remote add \"$1\" \"$2\"; shift 2; done\n"
	"chown agent:agent \"$folder\"; mv \"$making/.git\" \"$folder/.git\"; rm -rf \"$making\"\n"
	"fi\n"
	"as git -C \"$folder\" reset --quiet --hard; as touch \"$mark\"\n";

/* The files that are not committed, then the objects that branches, stash and a detached HEAD name.
 */
static const char look_script[] =
	"cd \"$1\" || exit 1\n"
	"git status --porcelain --ignore-submodules=all | wc -l\n"
	"git for-each-ref --format='%(objectname)' refs/heads refs/stash\n"
	"git symbolic-ref -q HEAD >/dev/null || git rev-parse HEAD\n";

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Folders of the guest that are empty again after each start. */
static int check_lasts(const char *top, struct err *err)
{
	static const char *const volatile_folders[] = { "/tmp/", "/run/", "/dev/shm/" };

	for (size_t i = 0; i < countof(volatile_folders); i++)
		if (strncmp(top, volatile_folders[i], strlen(volatile_folders[i])) == 0)
			return err_set(err, -EINVAL,
				       "a clone at '%s' would be gone when the sandbox stops; use "
				       "--branch, or move the repository",
				       top);
	return 0;
}

int clone_begin(const char *path, struct repository *ret, struct err *err)
{
	struct repository repository;
	int r = repository_open(path, &repository, err);

	if (r < 0)
		return r;
	r = repository_check_settled(&repository, err);
	if (r == 0)
		r = check_lasts(repository.top, err);
	if (r < 0)
		repository_finish(&repository);
	else
		*ret = repository;
	return r;
}

/* A linked worktree has its objects elsewhere: there the repository itself is the source. */
static const char *source_of(const struct repository *repository)
{
	return repository->is_linked ? repository->common : repository->top;
}

static int add_mount(json_t *mounts, const char *source, const char *target)
{
	return json_array_append_new(mounts, json_pack("{s:s, s:s, s:b}", "source", source,
						       "target", target, "read_only", 1));
}

int clone_add(const struct repository *repository, json_t *body, struct err *err)
{
	json_t *mounts = json_array();
	int r = add_mount(mounts, source_of(repository), CLONE_SOURCE);

	for (size_t i = 0; i < repository->borrowed_count; i++)
		r |= add_mount(mounts, repository->borrowed[i], repository->borrowed[i]);
	r |= json_array_extend(mounts, json_object_get(body, "mounts"));
	r |= json_object_set_new(body, "mounts", mounts);
	r |= json_object_set_new(body, "labels",
				 json_pack("{s:s, s:s}", CLONE_LABEL, repository->top,
					   CLONE_LABEL_WORKSPACE, repository->top));
	return r == 0 ? 0
		      : err_set(err, -EINVAL,
				"the path of the repository '%s' is not UTF-8; rename it",
				repository->top);
}

const char *clone_folder_of(const json_t *sandbox)
{
	return sandbox_text(json_object_get(sandbox, "labels"), CLONE_LABEL);
}

/* The command line of fill_script; words are weak, or in `made`. */
struct fill {
	const char *words[CLONE_WORDS_MAX + 1];
	size_t count;
	char *made[2];
	struct buf remotes; /* "remote.NAME.url" LF URL NUL, cut up */
};

static void fill_finish(struct fill *fill)
{
	for (size_t i = 0; i < sizeof(fill->made) / sizeof(*fill->made); i++)
		free(fill->made[i]);
	buf_finish(&fill->remotes);
}

static void add_remotes(struct fill *fill)
{
	char *at = (char *)(uintptr_t)buf_str(&fill->remotes);

	for (const char *end = at + fill->remotes.len; at != NULL && at < end;) {
		char *next = at + strlen(at) + 1, *url = strchr(at, '\n');

		if (url != NULL && fill->count + 2 <= CLONE_WORDS_MAX) {
			*url++ = '\0';
			at[strlen(at) - strlen(".url")] = '\0';
			at += strlen("remote.");
			if (copy_clean_url(url) && strcmp(at, "source") != 0) {
				fill->words[fill->count++] = at;
				fill->words[fill->count++] = url;
			}
		}
		at = next;
	}
}

static int list_remotes(const struct repository *repository, struct fill *fill, struct err *err)
{
	static const char *const words[] = { "config", "--null", "--get-regexp",
					     "^remote\\..*\\.url$", NULL };
	const struct git_call call = repository_call(repository);
	int r = git_run(&call, words, &fill->remotes, err);

	if (r == 0 && fill->remotes.len > 0)
		add_remotes(fill);
	return r < 0 ? r : 0;
}

static int plan_fill(const struct repository *repository, struct fill *fill, struct err *err)
{
	const char *branch = repository->branch != NULL ? repository->branch : "";
	struct err unknown = ERR_INIT;

	buf_init(&fill->remotes, CLONE_LIST_MAX);
	if (repository_identity(repository, &fill->made[0], &fill->made[1], &unknown) < 0) {
		fill->made[0] = strdup("");
		fill->made[1] = strdup("");
	}
	if (fill->made[0] == NULL || fill->made[1] == NULL)
		return out_of_memory(err);
	const char *words[] = { "sh",	"-c",	       fill_script,  "sh", repository->top,
				branch, fill->made[0], fill->made[1] };

	memcpy(fill->words, words, sizeof(words));
	fill->count = sizeof(words) / sizeof(*words);
	return list_remotes(repository, fill, err);
}

static int set_remote(const struct repository *repository, const char *remote, const char *variable,
		      const char *value, bool add, struct err *err)
{
	const struct git_call call = repository_call(repository);
	autofree char *key = NULL;

	if (asprintf(&key, "remote.%s.%s", remote, variable) < 0)
		return out_of_memory(err);
	const char *words[] = { "config", add ? "--add" : "--replace-all", key, value, NULL };

	return git_must(&call, words, NULL, err);
}

/* git-config(1), remote.<name>.*; written whole each time, so that nothing of an older one stays.
 */
static int connect(const struct repository *repository, const char *name, struct err *err)
{
	autofree char *remote = NULL, *url = NULL, *fetch = NULL, *keep = NULL;
	int r;

	if (asprintf(&remote, "sandbox-%s", name) < 0 || asprintf(&url, "sbx://%s", name) < 0 ||
	    asprintf(&fetch, "+refs/heads/*:refs/remotes/sandbox-%s/*", name) < 0 ||
	    asprintf(&keep, "+refs/heads/*:refs/sandboxes/%s/*", name) < 0)
		return out_of_memory(err);
	r = set_remote(repository, remote, "url", url, false, err);
	if (r == 0)
		r = set_remote(repository, remote, "tagOpt", "--no-tags", false, err);
	if (r == 0)
		r = set_remote(repository, remote, "fetch", fetch, false, err);
	return r < 0 ? r : set_remote(repository, remote, "fetch", keep, true, err);
}

static bool is_in_path(const char *program)
{
	const char *path = getenv("PATH");
	autofree char *copy = strdup(path != NULL ? path : "");
	char *rest = NULL;

	for (char *folder = copy != NULL ? strtok_r(copy, ":", &rest) : NULL; folder != NULL;
	     folder = strtok_r(NULL, ":", &rest)) {
		autofree char *file = NULL;

		if (asprintf(&file, "%s/%s", folder, program) < 0)
			file = NULL;
		if (file != NULL && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

/* Better told now than by git, which would only say that it does not know the scheme. */
static void tell_helper(const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0 || is_in_path("git-remote-sbx"))
		return;
	self[n] = '\0';
	(void)fprintf(stderr,
		      "NOTE: 'git fetch sandbox-%s' needs git-remote-sbx in a folder of PATH: "
		      "ln -s %s FOLDER/git-remote-sbx\n",
		      name, self);
}

int clone_fill(struct client *client, const json_t *sandbox, struct err *err)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	autocall(fill_finish) struct fill fill = { .count = 0 };
	const struct guestrun what = { .sandbox = sandbox, .command = fill.words, .as_root = true };
	int r = repository_open(clone_folder_of(sandbox), &repository, err);

	if (r == 0)
		r = plan_fill(&repository, &fill, err);
	if (r == 0)
		r = guestrun(client, &what, NULL, err);
	if (r > 0)
		r = err_wrap(err, "cannot clone '%s' in the sandbox", repository.top);
	if (r == 0)
		r = connect(&repository, sandbox_text(sandbox, "name"), err);
	if (r == 0)
		tell_helper(sandbox_text(sandbox, "name"));
	return r;
}

/* How many of the objects, one a line, the user's repository does not have. */
static int count_missing(const struct repository *repository, const char *lines, size_t len,
			 size_t *ret, struct err *err)
{
	static const char *const words[] = { "cat-file", "--batch-check=%(objecttype)", NULL };
	struct git_call call = repository_call(repository);
	autocall(buf_finish) struct buf out;
	size_t count = 0;
	int r;

	buf_init(&out, 4 * CLONE_LIST_MAX);
	call.input = lines;
	call.input_len = len;
	r = git_must(&call, words, &out, err);
	if (r < 0 || buf_str(&out) == NULL)
		return r < 0 ? r : out_of_memory(err);
	for (const char *at = buf_str(&out); (at = strstr(at, " missing\n")) != NULL; at++)
		count++;
	*ret = count;
	return 0;
}

static int describe(const json_t *sandbox, long files, size_t missing, struct buf *ret)
{
	const char *name = sandbox_text(sandbox, "name");
	int r = 0;

	if (missing > 0)
		r = buf_printf(
			ret,
			"sandbox '%s' has commits on %zu branch%s that you have not fetched: "
			"git fetch sandbox-%s",
			name, missing, missing == 1 ? "" : "es", name);
	if (r == 0 && missing > 0 && files > 0)
		r = buf_printf(ret, "; and ");
	else if (r == 0 && files > 0)
		r = buf_printf(ret, "sandbox '%s' has ", name);
	if (r == 0 && files > 0)
		r = buf_printf(ret, "%ld file%s that %s not committed", files,
			       files == 1 ? "" : "s", files == 1 ? "is" : "are");
	return r;
}

/* The first line is a count, the others are objects; HEAD and its branch are the same. */
static int understand(const json_t *sandbox, const struct buf *seen, struct buf *ret,
		      struct err *err)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	const char *text = (const char *)seen->data;
	const char *end = seen->len > 0 ? memchr(text, '\n', seen->len) : NULL;
	size_t missing = 0;
	long files = 0;
	int r;

	if (end == NULL)
		return err_set(err, -EPROTO, "the sandbox does not tell what is in its clone");
	for (; text < end; text++)
		if (*text >= '0' && *text <= '9' && files < 100000)
			files = files * 10 + (*text - '0');
	r = repository_open(clone_folder_of(sandbox), &repository, err);
	if (r == 0)
		r = count_missing(&repository, end + 1,
				  seen->len - (size_t)(end + 1 - (const char *)seen->data),
				  &missing, err);
	if (r < 0)
		return r;
	return describe(sandbox, files, missing, ret) < 0 ? out_of_memory(err) : 0;
}

int clone_warn(struct client *client, const json_t *sandbox, struct buf *ret, struct err *err)
{
	const char *command[] = { "sh", "-c", look_script, "sh", clone_folder_of(sandbox), NULL };
	const struct guestrun what = { .sandbox = sandbox, .command = command };
	autocall(buf_finish) struct buf seen;
	int r;

	buf_init(&seen, CLONE_LIST_MAX);
	if (*clone_folder_of(sandbox) == '\0')
		return 0;
	r = sandbox_start(client, sandbox, false, err);
	if (r == 0)
		r = guestrun(client, &what, &seen, err);
	return r < 0 ? r : understand(sandbox, &seen, ret, err);
}

void clone_release(const json_t *sandbox)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	autofree char *remote = NULL;
	struct err ignored = ERR_INIT;
	struct git_call call;

	if (*clone_folder_of(sandbox) == '\0' ||
	    repository_open(clone_folder_of(sandbox), &repository, &ignored) < 0 ||
	    asprintf(&remote, "sandbox-%s", sandbox_text(sandbox, "name")) < 0)
		return;
	const char *words[] = { "remote", "remove", remote, NULL };

	call = repository_call(&repository);
	(void)git_must(&call, words, NULL, &ignored);
}
