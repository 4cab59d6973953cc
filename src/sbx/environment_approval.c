#include "sbx/environment_approval.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "kit/digest.h"
#include "sbx/environment.h"
#include "sbx/environment_plan.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/settings.h"

enum { APPROVALS_MAX = 1 << 20 };

/* The files' paths, the sandbox's name among them: the same files may make two sandboxes. */
static char *key_of(const struct environment *environment)
{
	autocall(buf_finish) struct buf key;
	int r;

	buf_init(&key, 1 << 20);
	r = buf_printf(&key, "%s", environment->name);
	for (size_t i = 0; r == 0 && i < environment->files_count; i++)
		r = buf_printf(&key, ":%s", environment->files[i]);
	return r < 0 || buf_str(&key) == NULL ? NULL : strdup(buf_str(&key));
}

static json_t *read_approvals(const char *path)
{
	autocall(buf_finish) struct buf bytes;
	json_t *approvals = NULL;

	buf_init(&bytes, APPROVALS_MAX);
	if (path != NULL && file_read(AT_FDCWD, path, &bytes) == 0)
		approvals = json_loadb((const char *)bytes.data, bytes.len, 0, NULL);
	if (json_is_object(approvals))
		return approvals;
	json_decref(approvals);
	return json_object();
}

static int write_approvals(const char *path, const json_t *approvals, struct err *err)
{
	autofree char *text = json_dumps(approvals, JSON_INDENT(2) | JSON_SORT_KEYS);
	autofree char *folder = path == NULL ? NULL : strdup(path);
	int r;

	if (text == NULL || folder == NULL)
		return err_set(err, -ENOENT,
			       "there is no configuration folder to keep your answer in; set HOME");
	*strrchr(folder, '/') = '\0';
	r = file_make_folders(folder, 0700);
	if (r == 0)
		r = file_write(AT_FDCWD, path, text, strlen(text), 0600);
	return r < 0 ? err_set_errno(err, r, "cannot write '%s'", path) : 0;
}

/* The digest of the lines that need the user's word; false when there is none. */
static bool digest_of(const json_t *plan, char digest[DIGEST_TEXT_SIZE])
{
	json_t *asked = json_array();
	json_t *step;
	size_t i;
	char *text;
	bool is_any;

	json_array_foreach((json_t *)(uintptr_t)plan, i, step)
	{
		if (json_is_true(json_object_get(step, "host")))
			(void)json_array_append(asked, step);
	}
	is_any = json_array_size(asked) > 0;
	text = json_dumps(asked, JSON_SORT_KEYS | JSON_COMPACT);
	digest_text(text != NULL ? text : "", text != NULL ? strlen(text) : 0, digest);
	free(text);
	json_decref(asked);
	return is_any;
}

static bool is_command(const json_t *plan)
{
	const json_t *step;
	size_t i;

	json_array_foreach(plan, i, step)
	{
		if (json_is_true(json_object_get(step, "command")))
			return true;
	}
	return false;
}

/* Settings that cannot be read remember nothing. */
static bool are_commands_remembered(void)
{
	struct err ignored = ERR_INIT;
	json_t *settings = NULL;
	bool is = settings_read(&settings, &ignored) == 0 &&
		  json_is_true(json_object_get(settings, "env.rememberHostCommands"));

	json_decref(settings);
	return is;
}

bool environment_is_approved(const struct environment *environment, const json_t *plan)
{
	autofree char *path = settings_path("environments.json");
	autofree char *key = key_of(environment);
	json_t *approvals = read_approvals(path);
	char digest[DIGEST_TEXT_SIZE];
	bool is = !digest_of(plan, digest) ||
		  (key != NULL && strcmp(sandbox_text(approvals, key), digest) == 0 &&
		   (!is_command(plan) || are_commands_remembered()));

	json_decref(approvals);
	return is;
}

static int keep(const struct environment *environment, const json_t *plan, struct err *err)
{
	autofree char *path = settings_path("environments.json");
	autofree char *key = key_of(environment);
	json_t *approvals = read_approvals(path);
	char digest[DIGEST_TEXT_SIZE];
	int r = 0;

	(void)digest_of(plan, digest);
	if (key == NULL || json_object_set_new(approvals, key, json_string(digest)) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = write_approvals(path, approvals, err);
	json_decref(approvals);
	return r;
}

int environment_approve(const struct environment *environment, const json_t *plan, bool yes,
			struct err *err)
{
	int r;

	if (environment_is_approved(environment, plan))
		return 0;
	environment_plan_print(plan);
	if (yes)
		return 0;
	if (isatty(STDIN_FILENO) != 1)
		return err_set(err, -ENOTTY,
			       "nobody can be asked whether this may be done on this machine; look "
			       "at the plan, then say --auto-approve");
	r = report_confirm(false, "Do this on this machine?", err);
	return r < 0 ? r : keep(environment, plan, err);
}

void environment_forget(const struct environment *environment)
{
	autofree char *path = settings_path("environments.json");
	autofree char *key = key_of(environment);
	json_t *approvals = read_approvals(path);
	struct err ignored = ERR_INIT;

	if (key != NULL && json_object_del(approvals, key) == 0)
		(void)write_approvals(path, approvals, &ignored);
	json_decref(approvals);
}
