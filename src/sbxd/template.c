#include "sbxd/template.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/paths.h"

enum { STRINGS_MAX = 1024 };

void template_finish(struct template *template)
{
	if (template == NULL)
		return;
	free(template->name);
	free(template->id);
	free(template->description);
	free(template->agent);
	free(template->working_dir);
	free(template->user);
	string_list_finish(&template->layers);
	string_list_finish(&template->env);
	string_list_finish(&template->entrypoint);
	string_list_finish(&template->command);
	*template = (struct template){ .name = NULL };
}

static json_t *pack_config(const struct template *template)
{
	return json_pack("{so ss* ss* so so}", "Env", string_list_pack(&template->env),
			 "WorkingDir", template->working_dir, "User", template->user, "Entrypoint",
			 string_list_pack(&template->entrypoint), "Cmd",
			 string_list_pack(&template->command));
}

json_t *template_pack(const struct template *template)
{
	json_t *json =
		json_pack("{ss ss* ss* ss* so so}", "name", template->name, "id", template->id,
			  "description", template->description, "agent", template->agent, "layers",
			  string_list_pack(&template->layers), "config", pack_config(template));

	if (json != NULL && template->created_at != 0)
		(void)json_object_set_new(json, "created_at", json_integer(template->created_at));
	return json;
}

/* An array that is not there is an empty one. */
static int unpack_strings(json_t *array, size_t max, struct string_list *ret)
{
	return array == NULL || json_is_null(array) ? 0 : string_list_unpack(array, max, ret);
}

/* text: NULL or empty leaves the member alone. */
static int set(char **member, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return 0;
	*member = strdup(text);
	return *member == NULL ? -ENOMEM : 0;
}

static int unpack_config(json_t *config, struct template *ret)
{
	json_t *env = NULL, *entrypoint = NULL, *command = NULL;
	const char *working_dir = NULL, *user = NULL;
	int r;

	if (json_unpack_ex(config, NULL, JSON_STRICT, "{s?o s?s s?s s?o s?o}", "Env", &env,
			   "WorkingDir", &working_dir, "User", &user, "Entrypoint", &entrypoint,
			   "Cmd", &command) < 0)
		return -EINVAL;
	r = unpack_strings(env, STRINGS_MAX, &ret->env);
	if (r == 0)
		r = unpack_strings(entrypoint, STRINGS_MAX, &ret->entrypoint);
	if (r == 0)
		r = unpack_strings(command, STRINGS_MAX, &ret->command);
	if (r == 0)
		r = set(&ret->working_dir, working_dir);
	return r < 0 ? r : set(&ret->user, user);
}

static int unpack(json_t *json, struct template *ret)
{
	const char *name, *id = NULL, *description = NULL, *agent = NULL;
	json_t *layers, *config = NULL;
	json_int_t created_at = 0;
	int r;

	if (json_unpack_ex(json, NULL, JSON_STRICT, "{ss s?s s?s s?s so s?o s?I}", "name", &name,
			   "id", &id, "description", &description, "agent", &agent, "layers",
			   &layers, "config", &config, "created_at", &created_at) < 0 ||
	    name[0] == '\0' || created_at < 0 || (id != NULL && strlen(id) >= TEMPLATE_ID_SIZE))
		return -EINVAL;
	r = unpack_strings(layers, TEMPLATE_LAYERS_MAX, &ret->layers);
	if (r == 0 && ret->layers.count == 0)
		r = -EINVAL;
	if (r == 0 && config != NULL)
		r = unpack_config(config, ret);
	if (r == 0)
		r = set(&ret->name, name);
	if (r == 0)
		r = set(&ret->id, id);
	if (r == 0)
		r = set(&ret->description, description);
	if (r == 0)
		r = set(&ret->agent, agent);
	ret->created_at = created_at;
	return r;
}

int template_unpack(json_t *json, struct template *ret, struct err *err)
{
	struct template template = { .name = NULL };
	int r = unpack(json, &template);

	if (r < 0) {
		template_finish(&template);
		return err_set(err, r,
			       "a template is wrong: it has a name, 1 to %d layers, and "
			       "a config as in OCI images",
			       TEMPLATE_LAYERS_MAX);
	}
	*ret = template;
	return 0;
}

int template_copy(const struct template *from, struct template *ret)
{
	struct err ignored = ERR_INIT;
	struct template copy = { .name = NULL };
	json_t *json = template_pack(from);
	int r = json == NULL ? -ENOMEM : template_unpack(json, &copy, &ignored);

	json_decref(json);
	if (r < 0)
		return r;
	copy.size_bytes = from->size_bytes;
	copy.is_builtin = from->is_builtin;
	*ret = copy;
	return 0;
}

int template_resolve(struct template *template, const char *folder, struct err *err)
{
	uint64_t size_bytes = 0;

	for (size_t i = 0; i < template->layers.count; i++) {
		char **layer = &template->layers.items[i];
		struct stat info;

		if ((*layer)[0] != '/') {
			char *path = path_join(folder, *layer);

			if (path == NULL)
				return err_set(err, -ENOMEM, "out of memory");
			free(*layer);
			*layer = path;
		}
		if (stat(*layer, &info) < 0)
			return err_set_errno(err, -errno, "template '%s': no layer '%s'",
					     template->name, *layer);
		size_bytes += (uint64_t)info.st_size;
	}
	template->size_bytes = size_bytes;
	return 0;
}

static int set_id(struct template *template, const struct buf *text)
{
	enum { DIGITS = 2 * crypto_hash_sha256_BYTES };
	uint8_t hash[crypto_hash_sha256_BYTES];
	char digits[DIGITS + 1];

	(void)crypto_hash_sha256(hash, text->data, text->len);
	(void)sodium_bin2hex(digits, sizeof(digits), hash, sizeof(hash));
	free(template->id);
	return asprintf(&template->id, "sha256:%s", digits) < 0 ? -ENOMEM : 0;
}

static int load(const char *path, struct buf *text, json_t **ret, struct err *err)
{
	json_error_t error;
	int r = file_read(AT_FDCWD, path, text);

	if (r < 0)
		return err_set_errno(err, r, "cannot read '%s'", path);
	*ret = json_loadb((const char *)text->data, text->len, JSON_REJECT_DUPLICATES, &error);
	if (*ret == NULL)
		return err_set(err, -EINVAL, "'%s', line %d: %s", path, error.line, error.text);
	return 0;
}

int template_read(const char *folder, const char *file, struct template *ret, struct err *err)
{
	autocall(buf_finish) struct buf text = { 0 };
	autofree char *path = path_join(folder, file);
	struct template template = { .name = NULL };
	json_t *json = NULL;
	int r;

	buf_init(&text, TEMPLATE_BYTES_MAX);
	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = load(path, &text, &json, err);
	if (r == 0)
		r = template_unpack(json, &template, err);
	json_decref(json);
	if (r == 0 && set_id(&template, &text) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = template_resolve(&template, folder, err);
	if (r < 0)
		template_finish(&template);
	else
		*ret = template;
	return r;
}
