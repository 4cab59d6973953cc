#include "sbx/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/home.h"
#include "app/nearest.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"

enum { SETTINGS_MAX = 256 << 10 };

const struct setting settings_rows[] = {
	{ "env.rememberHostCommands", SETTING_FLAG, "false",
	  "commands of an environment are agreed to once, not every time" },
	{ "kit.allowLocalKits", SETTING_FLAG, "true",
	  "kits in folders and ZIP files of this machine" },
	{ "kit.allowedSources", SETTING_LIST, "[\"docker.io/\"]",
	  "where kits may come from: beginnings of references, * for all" },
	{ "kit.requireSignature", SETTING_FLAG, "false", "only kits that a trusted key signed" },
	{ "kit.trustedKeys", SETTING_LIST, "[]", "files of public keys that may sign kits" },
	{ NULL, SETTING_FLAG, NULL, NULL },
};

static const struct setting *find_row(const char *key)
{
	for (const struct setting *row = settings_rows; row->key != NULL; row++)
		if (strcmp(row->key, key) == 0)
			return row;
	return NULL;
}

const struct setting *settings_find(const char *key, struct err *err)
{
	const struct setting *row = find_row(key);
	struct nearest nearest = nearest_begin(key);

	if (row != NULL)
		return row;
	for (row = settings_rows; row->key != NULL; row++)
		nearest_offer(&nearest, row->key);
	if (nearest.best != NULL)
		(void)err_set(err, -ENOENT, "there is no setting '%s'; did you mean '%s'?", key,
			      nearest.best);
	else
		(void)err_set(err, -ENOENT, "there is no setting '%s'; see: sbx settings ls", key);
	return NULL;
}

char *settings_path(const char *file)
{
	const char *folder = getenv("XDG_CONFIG_HOME"), *home = home_folder();
	const char *name = getenv("SBX_APP_NAME");
	bool is_named = name != NULL && *name != '\0';
	char *path = NULL;
	int n = -1;

	if (folder != NULL && folder[0] == '/')
		n = asprintf(&path, "%s/sbx%s%s/%s", folder, is_named ? "-" : "",
			     is_named ? name : "", file);
	else if (home != NULL)
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

static bool is_right(const json_t *value, const struct setting *setting)
{
	json_t *item;
	size_t i;

	if (setting->kind == SETTING_FLAG)
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
		const struct setting *row = find_row(key);

		if (row == NULL)
			return err_set(err, -EINVAL, "%s: there is no setting '%s'", path, key);
		if (!is_right(value, row))
			return err_set(err, -EINVAL, "%s: '%s' must be %s", path, key,
				       row->kind == SETTING_LIST ? "a list of strings"
								 : "true or false");
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

int settings_read_said(json_t **ret, struct err *err)
{
	autofree char *path = settings_path("settings.json");

	if (path != NULL)
		return read_file(path, ret, err);
	*ret = json_object();
	return *ret != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int settings_read(json_t **ret, struct err *err)
{
	json_t *settings = NULL;
	int r = settings_read_said(&settings, err);

	for (const struct setting *row = settings_rows; r == 0 && row->key != NULL; row++)
		if (json_object_get(settings, row->key) == NULL &&
		    json_object_set_new(settings, row->key,
					json_loads(row->standard, JSON_DECODE_ANY, NULL)) < 0)
			r = err_set(err, -ENOMEM, "out of memory");
	if (r < 0)
		json_decref(settings);
	else
		*ret = settings;
	return r;
}

int settings_write(const json_t *said, struct err *err)
{
	autofree char *path = settings_path("settings.json"), *folder = settings_path("");
	autofree char *text = json_dumps(said, JSON_INDENT(2) | JSON_SORT_KEYS);
	int r;

	if (path == NULL || folder == NULL)
		return err_set(err, -ENOENT,
			       "there is no folder for settings: set HOME or XDG_CONFIG_HOME");
	if (text == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = file_make_folders(folder, 0700);
	if (r == 0)
		r = file_write(AT_FDCWD, path, text, strlen(text), 0600);
	return r < 0 ? err_set_errno(err, r, "cannot write the settings in '%s'", path) : 0;
}

static json_t *list_of(const char *const *words, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, json_string(words[i]));
	return list;
}

int settings_parse(const struct setting *setting, const char *const *words, size_t count,
		   json_t **ret, struct err *err)
{
	bool is_json = setting->kind == SETTING_FLAG || (count == 1 && words[0][0] == '[');
	json_t *value = NULL;

	if (!is_json)
		value = list_of(words, count);
	else if (count == 1)
		value = json_loads(words[0], JSON_DECODE_ANY, NULL);
	if (value != NULL && is_right(value, setting) &&
	    (is_json || json_array_size(value) == count)) {
		*ret = value;
		return 0;
	}
	json_decref(value);
	return err_set(err, -EINVAL, "'%s' is %s", setting->key,
		       setting->kind == SETTING_LIST
			       ? "a list: give its items one after the other, or [] for none"
			       : "true or false");
}
