#include "sbx/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"

enum { SETTINGS_MAX = 256 << 10 };

static const struct {
	const char *key, *standard; /* as JSON */
	bool is_list;		    /* of strings; else a boolean */
} rows[] = {
	{ "env.rememberHostCommands", "false", false },
	{ "kit.allowedSources", "[\"docker.io/\"]", true },
	{ "kit.allowLocalKits", "true", false },
	{ "kit.requireSignature", "false", false },
	{ "kit.trustedKeys", "[]", true },
};

char *settings_path(const char *file)
{
	const char *folder = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const char *name = getenv("SBX_APP_NAME");
	bool is_named = name != NULL && *name != '\0';
	char *path = NULL;
	int n = -1;

	if (folder != NULL && folder[0] == '/')
		n = asprintf(&path, "%s/sbx%s%s/%s", folder, is_named ? "-" : "",
			     is_named ? name : "", file);
	else if (home != NULL && home[0] == '/')
		n = asprintf(&path, "%s/.config/sbx%s%s/%s", home, is_named ? "-" : "",
			     is_named ? name : "", file);
	return n < 0 ? NULL : path;
}

int settings_forget(struct err *err)
{
	static const char *const files[] = { "settings.json", "kits.json", "environments.json" };

	for (size_t i = 0; i < countof(files); i++) {
		autofree char *path = settings_path(files[i]);

		if (path != NULL && unlink(path) < 0 && errno != ENOENT)
			return err_set_errno(err, -errno, "cannot remove '%s'", path);
	}
	return 0;
}

static bool is_right(const json_t *value, bool is_list)
{
	json_t *item;
	size_t i;

	if (!is_list)
		return json_is_boolean(value);
	json_array_foreach(value, i, item) if (!json_is_string(item)) return false;
	return json_is_array(value);
}

static int check(const char *path, const json_t *settings, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)settings, key, value)
	{
		size_t row = 0;

		while (row < countof(rows) && strcmp(rows[row].key, key) != 0)
			row++;
		if (row == countof(rows))
			return err_set(err, -EINVAL, "%s: there is no setting '%s'", path, key);
		if (!is_right(value, rows[row].is_list))
			return err_set(err, -EINVAL, "%s: '%s' must be %s", path, key,
				       rows[row].is_list ? "a list of strings" : "true or false");
	}
	return 0;
}

static int read_file(const char *path, json_t **ret, struct err *err)
{
	autocall(buf_finish) struct buf content;
	json_error_t error;
	int r;

	buf_init(&content, SETTINGS_MAX);
	r = file_read(AT_FDCWD, path, &content);
	if (r == -ENOENT) {
		*ret = json_object();
		return 0;
	}
	if (r < 0)
		return err_set_errno(err, r, "cannot read the settings in '%s'", path);
	*ret = json_loadb((const char *)content.data, content.len, JSON_REJECT_DUPLICATES, &error);
	if (*ret == NULL)
		return err_set(err, -EINVAL, "%s:%d: %s", path, error.line, error.text);
	if (!json_is_object(*ret))
		return err_set(err, -EINVAL, "%s:1: the settings are no object", path);
	return check(path, *ret, err);
}

int settings_read(json_t **ret, struct err *err)
{
	autofree char *path = settings_path("settings.json");
	json_t *settings = NULL;
	int r = path != NULL ? read_file(path, &settings, err) : 0;

	if (path == NULL)
		settings = json_object();
	for (size_t i = 0; r == 0 && i < countof(rows); i++)
		if (json_object_get(settings, rows[i].key) == NULL &&
		    json_object_set_new(settings, rows[i].key,
					json_loads(rows[i].standard, JSON_DECODE_ANY, NULL)) < 0)
			r = err_set(err, -ENOMEM, "out of memory");
	if (r < 0)
		json_decref(settings);
	else
		*ret = settings;
	return r;
}
