#include "envfile/envfile.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "envfile/check.h"
#include "envfile/grammar.h"
#include "envfile/values.h"
#include "kit/rule.h"
#include "yaml/document.h"

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Documents that were parsed. */
struct documents {
	struct document items[ENVFILE_FILES_MAX];
	size_t count;
};

static void documents_finish(struct documents *documents)
{
	for (size_t i = 0; i < documents->count; i++)
		document_finish(&documents->items[i]);
}

static int parse_all(const struct envfile_request *request, struct documents *documents,
		     struct err *err)
{
	if (request->count > ENVFILE_FILES_MAX)
		return err_set(err, -EINVAL, "an environment has at most %d files",
			       ENVFILE_FILES_MAX);
	for (size_t i = 0; i < request->count; i++) {
		const struct envfile_source *source = &request->sources[i];
		int r = document_parse(source->path, source->bytes, source->len,
				       &documents->items[i], err);

		if (r < 0)
			return r;
		documents->count++;
	}
	return 0;
}

/* The folder of an absolute path; owned by the caller. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Puts the file's folder in front of a relative path. */
static int make_absolute(json_t *object, const char *key, const char *folder)
{
	const char *text = json_string_value(json_object_get(object, key));
	autofree char *path = NULL;

	if (text == NULL || *text == '/')
		return 0;
	while (strncmp(text, "./", 2) == 0)
		text += 2;
	if (strcmp(text, ".") == 0 || *text == '\0')
		return json_object_set_new(object, key, json_string(folder));
	if (asprintf(&path, "%s/%s", folder, text) < 0)
		return -ENOMEM;
	return json_object_set_new(object, key, json_string(path));
}

static int make_all_absolute(json_t *list, const char *key, const char *folder)
{
	json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, item)
	{
		r |= make_absolute(item, key, folder);
	}
	return r;
}

static int place_paths(json_t *env, const char *folder)
{
	static const char *const phases[] = { "initialize", "postCreate", "preRemove" };
	json_t *lifecycle = json_object_get(env, "lifecycle");
	int r = make_absolute(json_object_get(env, "workspace"), "path", folder);

	r |= make_all_absolute(json_object_get(env, "additionalWorkspaces"), "path", folder);
	for (size_t i = 0; i < sizeof(phases) / sizeof(*phases); i++)
		r |= make_all_absolute(json_object_get(lifecycle, phases[i]), "workdir", folder);
	return r;
}

/* A kit of this machine is said by a dot in front, or ends in ".zip"; others stay as they are. */
static bool is_kit_path(const char *source)
{
	size_t len = strlen(source);

	return strcmp(source, ".") == 0 || strcmp(source, "..") == 0 ||
	       strncmp(source, "./", 2) == 0 || strncmp(source, "../", 3) == 0 ||
	       (len > 4 && strcmp(source + len - 4, ".zip") == 0 &&
		strncmp(source, "git+", 4) != 0);
}

static int place_kits(json_t *env, const char *folder)
{
	json_t *kit;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(env, "kits"), i, kit)
	{
		if (is_kit_path(json_string_value(json_object_get(kit, "source"))))
			r |= make_absolute(kit, "source", folder);
	}
	return r;
}

/* "PATH" or {path, clone} to the latter. */
static int settle_workspace(const struct document *document, json_t *env, struct err *err)
{
	const struct node *node = node_member(document->root, "workspace");
	json_t *workspace = json_object_get(env, "workspace"), *value;
	const char *key;

	if (workspace == NULL)
		return 0;
	if (json_is_string(workspace)) {
		workspace = json_pack("{s:O}", "path", workspace);
		return json_object_set_new(env, "workspace", workspace) < 0 ? out_of_memory(err)
									    : 0;
	}
	json_object_foreach(workspace, key, value)
	{
		if (strcmp(key, "path") != 0 && strcmp(key, "clone") != 0)
			return node_refuse(document, node, err, "unknown key '%s' in workspace",
					   key);
	}
	if (!json_is_string(json_object_get(workspace, "path")))
		return node_refuse(document, node, err,
				   "workspace must be a path, or a mapping of path and clone");
	value = json_object_get(workspace, "clone");
	return value == NULL || json_is_boolean(value)
		       ? 0
		       : node_refuse(document, node, err, "clone must be true or false");
}

/* An argument of a kit as the text that `--kit-arg` takes; NULL when it is no scalar. */
static json_t *text_of(const json_t *value)
{
	char *text;
	json_t *string;

	if (json_is_string(value))
		return json_string(json_string_value(value));
	text = json_is_array(value) || json_is_object(value) ? NULL
							     : json_dumps(value, JSON_ENCODE_ANY);
	string = text == NULL ? NULL : json_string(text);
	free(text);
	return string;
}

static int settle_kit(const struct document *document, const struct node *node, json_t *kit,
		      json_t *list, struct err *err)
{
	json_t *args = json_object(), *settled, *value;
	const char *key;
	int r = 0;

	settled =
		json_pack("{s:O*, s:o}", "source",
			  json_is_string(kit) ? kit : json_object_get(kit, "source"), "args", args);
	json_array_append_new(list, settled);
	if (!json_is_string(json_object_get(settled, "source")))
		return node_refuse(document, node, err,
				   "a kit must be a reference, or a mapping of source and args");
	json_object_foreach(json_is_object(kit) ? kit : NULL, key, value)
	{
		if (strcmp(key, "source") != 0 && strcmp(key, "args") != 0)
			r = node_refuse(document, node, err, "unknown key '%s' in kits", key);
	}
	json_object_foreach(json_object_get(kit, "args"), key, value)
	{
		if (r == 0 && json_object_set_new(args, key, text_of(value)) < 0)
			r = node_refuse(document, node, err,
					"'%s' of a kit's args must be a string", key);
	}
	return r;
}

static int settle_kits(const struct document *document, json_t *env, struct err *err)
{
	const struct node *node = node_member(document->root, "kits");
	json_t *kits = json_object_get(env, "kits"), *list, *kit;
	size_t i;
	int r = 0;

	if (kits == NULL)
		return 0;
	if (!json_is_array(kits))
		return node_refuse(document, node, err, "kits must be a list");
	list = json_array();
	json_array_foreach(kits, i, kit)
	{
		if (r == 0)
			r = settle_kit(document, node, kit, list, err);
	}
	return json_object_set_new(env, "kits", list) < 0 ? out_of_memory(err) : r;
}

/* What a file that applies to every project may not say. */
static int check_default(const struct envfile_request *request, const struct document *document,
			 const json_t *env, struct err *err)
{
	const char *path =
		json_string_value(json_object_get(json_object_get(env, "workspace"), "path"));
	size_t len = strlen(request->project);

	if (json_object_get(env, "name") != NULL)
		return node_refuse(document, node_member(document->root, "name"), err,
				   "the defaults of a user cannot set a name");
	if (path != NULL &&
	    (strncmp(path, request->project, len) != 0 || (path[len] != '\0' && path[len] != '/') ||
	     strstr(path, "/..") != NULL))
		return node_refuse(document, node_member(document->root, "workspace"), err,
				   "the workspace of a user's defaults must be ${{ env.projectDir "
				   "}} or a folder in it");
	return 0;
}

static int read_one(const struct envfile_request *request, struct document *document,
		    const struct envfile_source *source, const json_t *values, json_t **ret,
		    struct err *err)
{
	autofree char *folder = folder_of(source->path);
	const struct values_places places = { .project = request->project, .file = folder };
	json_t *env = NULL;
	int r = folder == NULL ? out_of_memory(err) : values_expand(document, values, &places, err);

	if (r == 0)
		r = rule_check(document, document->root, envfile_rules, &env, err);
	if (r == 0)
		r = settle_workspace(document, env, err);
	if (r == 0)
		r = settle_kits(document, env, err);
	if (r == 0 && (place_paths(env, folder) != 0 || place_kits(env, folder) != 0))
		r = out_of_memory(err);
	if (r == 0 && source->is_default)
		r = check_default(request, document, env, err);
	if (r < 0)
		json_decref(env);
	else
		*ret = env;
	return r;
}

/* Trees are no deeper than DOCUMENT_DEPTH_MAX. */
static int merge(json_t *into, const json_t *from)
{
	const char *key;
	json_t *value;
	int r = 0;

	json_object_foreach((json_t *)(uintptr_t)from, key, value)
	{
		json_t *there = json_object_get(into, key);

		if (json_is_object(there) && json_is_object(value))
			r |= merge(there, value);
		else if (json_is_array(there) && json_is_array(value))
			r |= json_array_extend(there, value);
		else
			r |= json_object_set(into, key, value);
	}
	return r;
}

static int settle_values(const struct envfile_request *request, const struct documents *documents,
			 json_t **ret, struct err *err)
{
	json_t *declared = json_object();
	int r = 0;

	for (size_t i = 0; r == 0 && i < documents->count; i++)
		r = values_declare(&documents->items[i], declared, err);
	if (r == 0)
		r = values_settle(declared, request->values, request->values_count, ret, err);
	json_decref(declared);
	return r;
}

static int resolve(const struct envfile_request *request, struct documents *documents,
		   const json_t *values, json_t *env, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < documents->count; i++) {
		json_t *one = NULL;

		r = read_one(request, &documents->items[i], &request->sources[i], values, &one,
			     err);
		if (r == 0 && merge(env, one) != 0)
			r = out_of_memory(err);
		json_decref(one);
	}
	if (r == 0)
		r = envfile_check(env, err);
	(void)json_object_del(env, "args");
	(void)json_object_del(env, "schemaVersion");
	return r;
}

int envfile_resolve(const struct envfile_request *request, json_t **ret, struct err *err)
{
	autocall(documents_finish) struct documents documents = { .count = 0 };
	json_t *values = NULL, *env = NULL;
	int r = parse_all(request, &documents, err);

	if (r == 0)
		r = settle_values(request, &documents, &values, err);
	if (r == 0) {
		env = json_object();
		r = resolve(request, &documents, values, env, err);
	}
	json_decref(values);
	if (r < 0)
		json_decref(env);
	else
		*ret = env;
	return r;
}
