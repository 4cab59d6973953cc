#include "sbx/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"

int sandbox_get(struct client *client, const char *name, json_t **ret, struct err *err)
{
	autofree char *path = client_path(name, "");

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (*name == '\0')
		return err_set(err, -ENOENT, "the name of a sandbox cannot be empty");
	return client_call(client, "GET", path, NULL, ret, err);
}

int sandbox_list(struct client *client, json_t **ret, struct err *err)
{
	json_t *answer;
	int r = client_call(client, "GET", "/sandbox", NULL, &answer, err);

	if (r < 0)
		return r;
	*ret = json_incref(json_object_get(answer, "sandboxes"));
	json_decref(answer);
	return json_is_array(*ret) ? 0 : err_set(err, -EPROTO, "sbxd did not answer with a list");
}

const char *sandbox_text(const json_t *sandbox, const char *member)
{
	const char *text = json_string_value(json_object_get(sandbox, member));

	return text != NULL ? text : "";
}

bool sandbox_is_running(const json_t *sandbox)
{
	return strcmp(sandbox_text(sandbox, "status"), "running") == 0;
}

bool sandbox_existed(const json_t *sandbox)
{
	return json_is_true(json_object_get(sandbox, "existed"));
}

int sandbox_start(struct client *client, const json_t *sandbox, bool keep_alive, struct err *err)
{
	const char *name = sandbox_text(sandbox, "name");
	autofree char *path = client_path(name, "/start");
	json_t *body;
	int r;

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (sandbox_is_running(sandbox) && !keep_alive)
		return 0;
	body = keep_alive ? json_pack("{s:b}", "keep_alive", 1) : NULL;
	r = client_stream(client, "POST", path, body, NULL, err);
	json_decref(body);
	if (r == 0 && !sandbox_is_running(sandbox) && !client->quiet)
		(void)fprintf(stderr, "Sandbox '%s' started successfully\n", name);
	return r;
}

int sandbox_stop(struct client *client, const char *name, int64_t timeout_s, struct err *err)
{
	autofree char *path = client_path(name, "/stop");
	json_t *body = timeout_s >= 0 ? json_pack("{s:I}", "timeout", (json_int_t)timeout_s)
				      : json_object();
	int r;

	if (path == NULL || body == NULL)
		r = err_set(err, -ENOMEM, "out of memory");
	else
		r = client_stream(client, "POST", path, body, NULL, err);
	json_decref(body);
	return r;
}

int sandbox_remove(struct client *client, const char *name, bool force, struct err *err)
{
	autofree char *path = client_path(name, force ? "?force=true" : "");

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	return client_stream(client, "DELETE", path, NULL, NULL, err);
}

json_t *sandbox_workspaces(const json_t *sandbox)
{
	json_t *paths = json_array();
	json_t *mount;
	size_t i;

	json_array_foreach(json_object_get(sandbox, "mounts"), i, mount)
	{
		json_t *source = json_object_get(mount, "source");

		if (source != NULL && json_array_append(paths, source) < 0) {
			json_decref(paths);
			return NULL;
		}
	}
	return paths;
}
