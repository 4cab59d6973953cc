#include "sbx/environment_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "kit/digest.h"
#include "sbx/environment.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/settings.h"

enum { APPROVALS_MAX = 1 << 20 };

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

__attribute__((format(printf, 4, 5))) static int add(json_t *plan, const char *kind, bool is_host,
						     const char *format, ...)
{
	autofree char *text = NULL;
	va_list list;
	int n;

	va_start(list, format);
	n = vasprintf(&text, format, list);
	va_end(list);
	if (n < 0)
		return -ENOMEM;
	return json_array_append_new(
		plan, json_pack("{s:s, s:b, s:s}", "kind", kind, "host", is_host, "text", text));
}

/* What is in the schema and not in this version: better refused than left out quietly. */
static int refuse_unsupported(const struct environment *environment, struct err *err)
{
	static const struct {
		const char *key, *member;
	} rows[] = { { "mcp", NULL },
		     { "registries", NULL },
		     { "bindings", NULL },
		     { "sandboxOptions", "profile" },
		     { "sandboxOptions", "skills" },
		     { "sandboxOptions", "display" },
		     { "sandboxOptions", "gpu" },
		     { "sandboxOptions", "usb" } };
	const char *service;
	json_t *secret;

	for (size_t i = 0; i < countof(rows); i++)
		if (environment_get(environment, rows[i].key, rows[i].member) != NULL)
			return err_set(
				err, -EOPNOTSUPP,
				"'%s%s%s' of the environment is not in this version; take it "
				"out",
				rows[i].key, rows[i].member != NULL ? "." : "",
				rows[i].member != NULL ? rows[i].member : "");
	json_object_foreach(json_object_get(environment->env, "secrets"), service, secret)
	{
		if (json_object_get(secret, "snapshot") != NULL ||
		    json_object_get(secret, "backend") != NULL)
			return err_set(
				err, -EOPNOTSUPP,
				"'snapshot' and 'backend' of the secret '%s' are not in this "
				"version; take them out",
				service);
	}
	return 0;
}

static int plan_shares(const struct environment *environment, json_t *plan)
{
	const char *path = environment_text(environment, "workspace", "path");
	bool is_clone = json_is_true(environment_get(environment, "workspace", "clone"));
	const json_t *item;
	size_t i;
	int r = 0;

	if (*path != '\0')
		r |= add(plan, "share", true, is_clone ? "%s (as a clone)" : "%s", path);
	json_array_foreach(environment_get(environment, "additionalWorkspaces", NULL), i, item)
	{
		bool read_only = json_is_true(json_object_get(item, "readOnly"));

		r |= add(plan, "share", true, "%s%s", sandbox_text(item, "path"),
			 read_only ? " (read-only)" : "");
	}
	return r;
}

static int plan_ports(const struct environment *environment, json_t *plan)
{
	const json_t *port;
	size_t i;
	int r = 0;

	json_array_foreach(environment_get(environment, "ports", NULL), i, port)
	{
		const char *host = sandbox_text(port, "host"),
			   *address = sandbox_text(port, "hostIP");
		const char *protocol = sandbox_text(port, "protocol");

		r |= add(plan, "publish", true, "%s:%s -> %s/%s",
			 *address != '\0' ? address : "loopback", *host != '\0' ? host : "any",
			 sandbox_text(port, "sandbox"), *protocol != '\0' ? protocol : "tcp4");
	}
	return r;
}

static int plan_kits(const struct environment *environment, json_t *plan)
{
	const json_t *kit;
	size_t i;
	int r = 0;

	json_array_foreach(environment_get(environment, "kits", NULL), i, kit)
	{
		autofree char *args =
			json_dumps(json_object_get(kit, "args"), JSON_SORT_KEYS | JSON_COMPACT);

		r |= args == NULL
			     ? -ENOMEM
			     : add(plan, "kit", true, "%s %s", sandbox_text(kit, "source"), args);
	}
	return r;
}

static int plan_secrets(const struct environment *environment, bool skip_commands, json_t *plan)
{
	const char *service;
	json_t *secret;
	int r = 0;

	json_object_foreach(json_object_get(environment->env, "secrets"), service, secret)
	{
		const char *value = sandbox_text(secret, "value"),
			   *ref = sandbox_text(secret, "ref");
		const char *command = sandbox_text(secret, "command");
		char digest[DIGEST_TEXT_SIZE];

		digest_text(value, strlen(value), digest);
		if (*value != '\0')
			r |= add(plan, "secret", true, "%s: a value with %s", service, digest);
		else if (*ref != '\0')
			r |= add(plan, "secret", true, "%s: from %s", service, ref);
		else if (*command != '\0' && !skip_commands)
			r |= add(plan, "secret", true, "%s: printed by: %s", service, command);
	}
	return r;
}

static int plan_commands(const struct environment *environment, json_t *plan)
{
	static const char *const phases[] = { "initialize", "postCreate", "preRemove" };
	int r = 0;

	for (size_t i = 0; i < countof(phases); i++) {
		const json_t *command;
		size_t j;

		json_array_foreach(environment_get(environment, "lifecycle", phases[i]), j, command)
		{
			const char *folder = sandbox_text(command, "workdir");

			r |= add(plan, "command", true, "%s, in %s: %s", phases[i],
				 *folder != '\0' ? folder : environment->project,
				 sandbox_text(command, "command"));
		}
	}
	return r;
}

int environment_plan(const struct environment *environment, bool skip_commands, json_t **ret,
		     struct err *err)
{
	json_t *plan = json_array();
	int r = refuse_unsupported(environment, err);

	if (r < 0) {
		json_decref(plan);
		return r;
	}
	r = add(plan, "sandbox", false, "%s, agent %s", environment->name,
		environment_text(environment, "agent", NULL));
	r |= plan_shares(environment, plan);
	r |= plan_ports(environment, plan);
	r |= plan_kits(environment, plan);
	r |= plan_secrets(environment, skip_commands, plan);
	if (!skip_commands)
		r |= plan_commands(environment, plan);
	if (r != 0) {
		json_decref(plan);
		return err_set(err, -EINVAL, "a text of the environment is not UTF-8");
	}
	*ret = plan;
	return 0;
}

void environment_plan_print(const json_t *plan)
{
	const json_t *step;
	size_t i;

	json_array_foreach(plan, i, step)
	{
		(void)fprintf(stderr, "%-8s  ", sandbox_text(step, "kind"));
		(void)terminal_print_safe(stderr, sandbox_text(step, "text"));
		(void)fputc('\n', stderr);
	}
}

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

bool environment_is_approved(const struct environment *environment, const json_t *plan)
{
	autofree char *path = settings_path("environments.json");
	autofree char *key = key_of(environment);
	json_t *approvals = read_approvals(path);
	char digest[DIGEST_TEXT_SIZE];
	bool is = !digest_of(plan, digest) ||
		  (key != NULL && strcmp(sandbox_text(approvals, key), digest) == 0);

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
		r = out_of_memory(err);
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
	if (!yes && isatty(STDIN_FILENO) != 1)
		return err_set(err, -ENOTTY,
			       "nobody can be asked whether this may be done on this machine; look "
			       "at the plan, then say --auto-approve");
	r = report_confirm(yes, "Do this on this machine?", err);
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
