#include "git/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"

enum { COMPLAINT_MAX = 4096, CHUNK = 65536, ENVIRONMENT_MAX = 48 };

/* What no repository may set; see git-config(1). */
static const char *const fixed[] = {
	"core.hooksPath=/dev/null",
	"core.fsmonitor=false",
	"core.pager=cat",
	"core.editor=false",
	"core.sshCommand=false",
	"core.askPass=false",
	"core.alternateRefsCommand=true",
	"commit.gpgSign=false",
	"tag.gpgSign=false",
	"log.showSignature=false",
	"gc.auto=0",
	"maintenance.auto=false",
	"submodule.recurse=false",
	"fetch.recurseSubmodules=false",
	"fetch.fsckObjects=true",
	"fetch.writeCommitGraph=false",
	"diff.ignoreSubmodules=all",
	"protocol.allow=never",
	"protocol.file.allow=always",
	"advice.detachedHead=false",
	"init.defaultBranch=main",
};

/* What git may know of its surroundings. */
static const char *const passed[] = {
	"PATH",
	"HOME",
	"USER",
	"LOGNAME",
	"TMPDIR",
	"TZ",
	"XDG_CONFIG_HOME",
	"GIT_AUTHOR_NAME",
	"GIT_AUTHOR_EMAIL",
	"GIT_AUTHOR_DATE",
	"GIT_COMMITTER_NAME",
	"GIT_COMMITTER_EMAIL",
	"GIT_COMMITTER_DATE",
	"GIT_CONFIG_GLOBAL",
	"GIT_CONFIG_SYSTEM",
	"GIT_CONFIG_NOSYSTEM",
};

static const char *const standing[] = {
	"LC_ALL=C",
	"GIT_TERMINAL_PROMPT=0",
	"GIT_OPTIONAL_LOCKS=0",
	"GIT_NO_REPLACE_OBJECTS=1",
	"GIT_NO_LAZY_FETCH=1",
	"GIT_PROTOCOL_FROM_USER=0",
};

static const char *const foreign[] = {
	"GIT_CONFIG_GLOBAL=/dev/null",
	"GIT_CONFIG_SYSTEM=/dev/null",
	"GIT_CONFIG_NOSYSTEM=1",
	"GIT_ATTR_NOSYSTEM=1",
};

/* A command line and an environment; what is made here is owned. */
struct vectors {
	const char *argv[4 + 2 * (countof(fixed) + GIT_SETTINGS_MAX) + 8 + GIT_WORDS_MAX];
	size_t argc;
	const char *envp[ENVIRONMENT_MAX + 1];
	char *made[ENVIRONMENT_MAX];
	size_t envc, made_count;
};

static void vectors_finish(struct vectors *vectors)
{
	for (size_t i = 0; i < vectors->made_count; i++)
		free(vectors->made[i]);
}

static int add_variable(struct vectors *vectors, const char *name, const char *value)
{
	char *text;

	if (value == NULL)
		return 0;
	if (asprintf(&text, "%s=%s", name, value) < 0)
		return -ENOMEM;
	vectors->made[vectors->made_count++] = text;
	vectors->envp[vectors->envc++] = text;
	return 0;
}

static bool is_passed(const struct git_call *call, const char *name)
{
	return call->trust == GIT_OWN || strncmp(name, "GIT_CONFIG_", 11) != 0;
}

static int make_environment(const struct git_call *call, struct vectors *vectors)
{
	int r = 0;

	for (size_t i = 0; i < countof(standing); i++)
		vectors->envp[vectors->envc++] = standing[i];
	for (size_t i = 0; r == 0 && i < countof(passed); i++)
		if (is_passed(call, passed[i]))
			r = add_variable(vectors, passed[i], getenv(passed[i]));
	for (size_t i = 0; call->trust == GIT_FOREIGN && i < countof(foreign); i++)
		vectors->envp[vectors->envc++] = foreign[i];
	if (r == 0)
		r = add_variable(vectors, "GIT_DIR", call->git_dir);
	if (r == 0)
		r = add_variable(vectors, "GIT_WORK_TREE", call->work_tree);
	if (r == 0)
		r = add_variable(vectors, "GIT_INDEX_FILE", call->index);
	return r;
}

static void add_setting(struct vectors *vectors, const char *setting)
{
	vectors->argv[vectors->argc++] = "-c";
	vectors->argv[vectors->argc++] = setting;
}

static int make_command(const struct git_call *call, const char *const *words,
			struct vectors *vectors)
{
	vectors->argv[vectors->argc++] = "git";
	vectors->argv[vectors->argc++] = "--no-pager";
	for (size_t i = 0; i < countof(fixed); i++)
		add_setting(vectors, fixed[i]);
	if (call->trust == GIT_FOREIGN)
		add_setting(vectors, "core.attributesFile=/dev/null");
	for (size_t i = 0; call->settings != NULL && i < call->settings->count; i++)
		add_setting(vectors, call->settings->items[i]);
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i == GIT_WORDS_MAX)
			return -E2BIG;
		vectors->argv[vectors->argc++] = words[i];
	}
	return 0;
}

/* Its standard input. */
static int open_input(const struct git_call *call)
{
	int null;

	if (call->input != NULL)
		return fd_from_bytes(call->input, call->input_len);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return null < 0 ? -errno : null;
}

static int set_actions(posix_spawn_file_actions_t *actions, const char *folder, const int stdio[3])
{
	int r = posix_spawn_file_actions_addchdir_np(actions, folder);

	for (int i = 0; r == 0 && i < 3; i++)
		r = posix_spawn_file_actions_adddup2(actions, stdio[i], i);
	return r;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, normal;

	(void)sigemptyset(&none);
	(void)sigemptyset(&normal);
	(void)sigaddset(&normal, SIGPIPE);
	(void)posix_spawnattr_setsigmask(attributes, &none);
	(void)posix_spawnattr_setsigdefault(attributes, &normal);
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const struct vectors *vectors, const char *folder, const int stdio[3],
		 pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&actions);

	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0) {
		r = set_attributes(&attributes);
		if (r == 0)
			r = set_actions(&actions, folder, stdio);
		if (r == 0)
			r = posix_spawnp(ret_pid, "git", &actions, &attributes,
					 (char *const *)(uintptr_t)vectors->argv,
					 (char *const *)(uintptr_t)vectors->envp);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* A running git and what it says. */
struct child {
	pid_t pid;
	int out, complaints; /* owned; -1: at its end */
	char complaint[COMPLAINT_MAX];
	size_t complaint_len;
};

/* to may be NULL: what nobody asked for is read and forgotten. */
static int take_output(int *fd, struct buf *to)
{
	char forgotten[4096];
	size_t room = to == NULL ? 0 : min_of((size_t)CHUNK, to->max - to->len);
	void *place = room > 0 ? buf_reserve(to, room) : forgotten;
	ssize_t n;

	if (place == NULL)
		return -ENOMEM;
	n = read(*fd, place, room > 0 ? room : sizeof(forgotten));
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		(void)close(take_fd(fd));
	else if (room > 0)
		to->len += (size_t)n;
	else if (to != NULL)
		return -EFBIG;
	return 0;
}

static int take_complaint(struct child *child)
{
	char forgotten[512];
	size_t room = COMPLAINT_MAX - 1 - child->complaint_len;
	ssize_t n = read(child->complaints,
			 room > 0 ? child->complaint + child->complaint_len : forgotten,
			 room > 0 ? room : sizeof(forgotten));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		(void)close(take_fd(&child->complaints));
	else if (room > 0)
		child->complaint_len += (size_t)n;
	return 0;
}

static int listen_to(struct child *child, struct buf *ret)
{
	while (child->out >= 0 || child->complaints >= 0) {
		struct pollfd ready[] = { { .fd = child->out, .events = POLLIN },
					  { .fd = child->complaints, .events = POLLIN } };
		int r = 0;

		if (poll(ready, countof(ready), -1) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (ready[0].revents != 0)
			r = take_output(&child->out, ret);
		if (r == 0 && ready[1].revents != 0)
			r = take_complaint(child);
		if (r < 0)
			return r;
	}
	return 0;
}

static int reap(struct child *child, int r)
{
	int status = 0;

	if (r < 0)
		(void)kill(child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* Its first line that complains; hints and warnings come after it or before. */
static void take_sentence(struct child *child, struct err *err)
{
	char *line = child->complaint, *rest = NULL;

	child->complaint[child->complaint_len] = '\0';
	for (char *at = strtok_r(line, "\n", &rest); at != NULL; at = strtok_r(NULL, "\n", &rest)) {
		line = at;
		if (strncmp(at, "fatal: ", 7) == 0 || strncmp(at, "error: ", 7) == 0) {
			line += 7;
			break;
		}
	}
	(void)err_set(err, -EIO, "%s", line);
}

static int run_between(const struct git_call *call, const struct vectors *vectors, int in,
		       struct buf *ret, struct err *err)
{
	struct child child = { .out = -1, .complaints = -1 };
	int out[2] = { -1, -1 }, complaints[2], r;
	int stdio[3] = { in, call->out, -1 };

	if (pipe2(complaints, O_CLOEXEC) < 0)
		return -errno;
	if (call->out <= 0 && pipe2(out, O_CLOEXEC) < 0) {
		r = -errno;
		(void)close(complaints[0]);
		(void)close(complaints[1]);
		return r;
	}
	if (call->out <= 0)
		stdio[1] = out[1];
	stdio[2] = complaints[1];
	child.out = out[0];
	child.complaints = complaints[0];
	r = spawn(vectors, call->folder, stdio, &child.pid);
	(void)close(complaints[1]);
	if (out[1] >= 0)
		(void)close(out[1]);
	if (r == 0)
		r = reap(&child, listen_to(&child, ret));
	if (child.out >= 0)
		(void)close(child.out);
	if (child.complaints >= 0)
		(void)close(child.complaints);
	if (r > 0)
		take_sentence(&child, err);
	return r;
}

static int refuse(int r, const struct git_call *call, struct err *err)
{
	switch (r) {
	case -ENOENT:
		return err_set(err, r, "cannot run git in '%s': install git, or the folder is gone",
			       call->folder);
	case -EFBIG:
		return err_set(err, r,
			       "git answers more than is taken from it; the repository "
			       "is too large for this");
	case -EINTR:
		return err_set(err, r, "git was ended by a signal");
	default:
		return err_set_errno(err, r, "cannot run git");
	}
}

int git_run(const struct git_call *call, const char *const *words, struct buf *ret, struct err *err)
{
	struct vectors vectors = { .argc = 0 };
	autoclose int in = -1;
	int r = make_environment(call, &vectors);

	if (r == 0)
		r = make_command(call, words, &vectors);
	if (r == 0)
		r = in = open_input(call);
	if (r >= 0)
		r = run_between(call, &vectors, in, ret, err);
	vectors_finish(&vectors);
	return r < 0 ? refuse(r, call, err) : r;
}

int git_must(const struct git_call *call, const char *const *words, struct buf *ret,
	     struct err *err)
{
	int r = git_run(call, words, ret, err);

	return r > 0 ? err_wrap(err, "git %s", words[0]) : r;
}

int git_line(const struct git_call *call, const char *const *words, char **ret, struct err *err)
{
	autocall(buf_finish) struct buf out;
	char *line;
	int r;

	buf_init(&out, 4 * CHUNK);
	r = git_must(call, words, &out, err);
	if (r < 0)
		return r;
	line = buf_str(&out) == NULL ? NULL : strndup(buf_str(&out), out.len);
	if (line == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	line[strcspn(line, "\n")] = '\0';
	*ret = line;
	return 0;
}

int git_settings_add(struct git_settings *settings, const char *key, const char *value)
{
	char *text;

	if (settings->count == GIT_SETTINGS_MAX)
		return -E2BIG;
	if (asprintf(&text, "%s=%s", key, value) < 0)
		return -ENOMEM;
	settings->items[settings->count++] = text;
	return 0;
}

void git_settings_finish(struct git_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++)
		free(settings->items[i]);
	settings->count = 0;
}
