#include "sbx/environment.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/home.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "envfile/grammar.h"
#include "sbx/kit_source.h"
#include "sbx/sandbox.h"
#include "yaml/document.h"

enum { NAME_ROOM = 64 };

#define TARGET(member) .offset = offsetof(struct environment_options, member)

const struct option environment_option_rows[] = {
	{ .name = "name",
	  .kind = OPTION_STRING,
	  .argument = "NAME",
	  TARGET(name),
	  .help = "name of the sandbox (default: the files' name, or\nAGENT-FOLDER)" },
	{ .name = "env-arg",
	  .kind = OPTION_LIST,
	  .argument = "K=V",
	  TARGET(args),
	  .help = "value of an argument of the files; may be repeated" },
	{ .name = "env-args-file",
	  .kind = OPTION_LIST,
	  .argument = "FILE",
	  .complete = COMPLETE_FILE,
	  TARGET(args_files),
	  .help = "a file of such values, one a line; --env-arg wins over it" },
	{ .name = "clone",
	  .kind = OPTION_FLAG,
	  TARGET(clone),
	  .help = "work on a private clone, whatever the files say" },
	{ .name = "no-clone",
	  .kind = OPTION_FLAG,
	  TARGET(no_clone),
	  .help = "work on the folder, whatever the files say: --clone=false" },
	{ .name = NULL },
};

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

void environment_finish(struct environment *environment)
{
	json_decref(environment->env);
	free(environment->name);
	free(environment->project);
	for (size_t i = 0; i < environment->files_count; i++)
		free(environment->files[i]);
	kit_values_free(environment->kit_args);
	*environment = (struct environment){ .env = NULL };
}

const json_t *environment_get(const struct environment *environment, const char *key,
			      const char *member)
{
	const json_t *value = json_object_get(environment->env, key);

	return member == NULL ? value : json_object_get(value, member);
}

const char *environment_text(const struct environment *environment, const char *key,
			     const char *member)
{
	const char *text = json_string_value(environment_get(environment, key, member));

	return text != NULL ? text : "";
}

bool environment_registry_runs(const json_t *registry)
{
	return json_object_get(json_object_get(registry, "username"), "command") != NULL ||
	       json_object_get(json_object_get(registry, "secret"), "command") != NULL;
}

static bool is_folder(const char *path)
{
	struct stat found;

	return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static int add_file(struct environment *environment, const char *path, struct err *err)
{
	char *real = realpath(path, NULL);

	if (real == NULL)
		return err_set_errno(err, -errno, "cannot use the environment file '%s'", path);
	for (size_t i = 0; i < environment->files_count; i++) {
		if (strcmp(environment->files[i], real) == 0) {
			free(real);
			return 0;
		}
	}
	if (environment->files_count == ENVFILE_FILES_MAX) {
		free(real);
		return err_set(err, -EINVAL, "an environment has at most %d files",
			       ENVFILE_FILES_MAX);
	}
	environment->files[environment->files_count++] = real;
	return 0;
}

/* 1 when the folder has one, 0 when not. */
static int find_in_folder(struct environment *environment, const char *path, struct err *err)
{
	static const char *const names[] = { "sbxenv.yaml", ".sbxenv.yaml" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		autofree char *file = NULL;
		int r;

		if (asprintf(&file, "%s/%s", path, names[i]) < 0)
			return out_of_memory(err);
		if (access(file, F_OK) != 0)
			continue;
		r = add_file(environment, file, err);
		return r < 0 ? r : 1;
	}
	return 0;
}

static int find_path(struct environment *environment, const char *path, struct err *err)
{
	int r;

	if (!is_folder(path))
		return add_file(environment, path, err);
	r = find_in_folder(environment, path, err);
	return r == 0  ? err_set(err, -ENOENT, "there is no sbxenv.yaml in '%s'", path)
	       : r < 0 ? r
		       : 0;
}

static int find_defaults(struct environment *environment, struct err *err)
{
	const char *home = home_folder();
	autofree char *file = NULL;

	if (home == NULL)
		return 0;
	if (asprintf(&file, "%s/.sbxenv.yaml", home) < 0)
		return out_of_memory(err);
	return access(file, F_OK) == 0 ? add_file(environment, file, err) : 0;
}

/* Without a path the user's defaults may be all there is. */
static int find_here(struct environment *environment, size_t *ret_defaults, struct err *err)
{
	int r = find_defaults(environment, err);

	*ret_defaults = environment->files_count;
	if (r == 0)
		r = find_in_folder(environment, ".", err);
	if (r == 0 && environment->files_count == 0)
		return err_set(err, -ENOENT,
			       "there is no sbxenv.yaml in '.', and no ~/.sbxenv.yaml");
	return r < 0 ? r : 0;
}

/* The folder of the first file that was named; without one, the current folder. */
static int find_project(struct environment *environment, bool is_here, struct err *err)
{
	const char *slash = strrchr(environment->files[0], '/');

	environment->project = is_here ? realpath(".", NULL)
				       : strndup(environment->files[0],
						 slash == environment->files[0]
							 ? 1
							 : (size_t)(slash - environment->files[0]));
	return environment->project == NULL
		       ? err_set_errno(err, -errno, "cannot find the project's folder")
		       : 0;
}

/* *ret_defaults: how many of the files are the user's own. */
static int find_files(struct environment *environment, const char *const *paths, size_t count,
		      size_t *ret_defaults, struct err *err)
{
	int r = count == 0 ? find_here(environment, ret_defaults, err) : 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = find_path(environment, paths[i], err);
	return r < 0 ? r : find_project(environment, count == 0, err);
}

/* Values of files, then of options, as one list; the texts of the files are in `text`. */
static int collect_values(const struct environment_options *options, struct buf *text,
			  const char ***ret, size_t *ret_count, struct err *err)
{
	size_t room = options->args.count, count = 0;
	const char **values;
	char *rest = NULL;

	for (size_t i = 0; i < options->args_files.count; i++) {
		int r = file_read(AT_FDCWD, options->args_files.items[i], text);

		if (r < 0)
			return err_set_errno(err, r, "cannot read '%s'",
					     options->args_files.items[i]);
		if (buf_append(text, "\n", 1) < 0)
			return out_of_memory(err);
	}
	for (size_t i = 0; i < text->len; i++)
		room += text->data[i] == '\n';
	values = calloc(room + 1, sizeof(*values));
	if (values == NULL || buf_str(text) == NULL) {
		free(values);
		return out_of_memory(err);
	}
	for (char *line = strtok_r((char *)text->data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		if (*line != '#')
			values[count++] = line;
	for (size_t i = 0; i < options->args.count; i++)
		values[count++] = options->args.items[i];
	*ret = values;
	*ret_count = count;
	return 0;
}

/* The files' bytes, each in a buffer of its own. */
static int read_sources(const struct environment *environment, size_t defaults, struct buf *bytes,
			struct envfile_source *sources, struct err *err)
{
	for (size_t i = 0; i < environment->files_count; i++) {
		int r = file_read(AT_FDCWD, environment->files[i], &bytes[i]);

		if (r == -EFBIG)
			return err_set(err, r, "'%s' is too large for an environment file",
				       environment->files[i]);
		if (r < 0)
			return err_set_errno(err, r, "cannot read '%s'", environment->files[i]);
		sources[i] = (struct envfile_source){ .path = environment->files[i],
						      .bytes = bytes[i].data,
						      .len = bytes[i].len,
						      .is_default = i < defaults };
	}
	return 0;
}

static int resolve(const struct environment_options *options, struct environment *environment,
		   size_t defaults, struct err *err)
{
	struct buf bytes[ENVFILE_FILES_MAX];
	struct envfile_source sources[ENVFILE_FILES_MAX];
	autocall(buf_finish) struct buf text;
	autofree const char **values = NULL;
	struct envfile_request request = { .sources = sources,
					   .count = environment->files_count,
					   .project = environment->project };
	int r;

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < ENVFILE_FILES_MAX; i++)
		buf_init(&bytes[i], DOCUMENT_BYTES_MAX + 1);
	r = read_sources(environment, defaults, bytes, sources, err);
	if (r == 0)
		r = collect_values(options, &text, &values, &request.values_count, err);
	request.values = values;
	if (r == 0)
		r = envfile_resolve(&request, &environment->env, err);
	for (size_t i = 0; i < ENVFILE_FILES_MAX; i++)
		buf_finish(&bytes[i]);
	return r;
}

/* AGENT-FOLDER, with '-' for what a name cannot hold. */
static int make_name(const struct environment *environment, char name[NAME_ROOM], struct err *err)
{
	const char *folder = strrchr(environment->project, '/');
	size_t len;

	(void)snprintf(name, NAME_ROOM, "%s-%s", environment_text(environment, "agent", NULL),
		       folder != NULL ? folder + 1 : "");
	for (char *at = name; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && *at != '.')
			*at = '-';
	for (len = strlen(name); len > 0 && !isalnum((unsigned char)name[len - 1]); len--)
		name[len - 1] = '\0';
	return envfile_is_name(name)
		       ? 0
		       : err_set(err, -EINVAL,
				 "no name for the sandbox can be made of '%s'; give one "
				 "by --name",
				 environment->project);
}

static int choose_name(const struct environment_options *options, struct environment *environment,
		       struct err *err)
{
	char made[NAME_ROOM];
	const char *name = options->name;
	int r = 0;

	if (name == NULL && *environment_text(environment, "name", NULL) != '\0')
		name = environment_text(environment, "name", NULL);
	if (name == NULL) {
		r = make_name(environment, made, err);
		name = made;
	}
	if (r == 0 && !envfile_is_name(name))
		r = err_set(err, -EINVAL, "'%s' is no name of a sandbox", name);
	if (r < 0)
		return r;
	environment->name = strdup(name);
	return environment->name == NULL ? out_of_memory(err) : 0;
}

static int choose_clone(const struct environment_options *options, struct environment *environment,
			struct err *err)
{
	json_t *workspace = json_object_get(environment->env, "workspace");

	if (options->clone && options->no_clone)
		return err_set(err, -EINVAL, "--clone and --no-clone exclude each other");
	if (!options->clone && !options->no_clone)
		return 0;
	if (workspace == NULL)
		return err_set(err, -EINVAL, "there is no workspace to clone");
	return json_object_set_new(workspace, "clone", json_boolean(options->clone)) < 0
		       ? out_of_memory(err)
		       : 0;
}

static bool is_given(char *const *values, size_t count, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < count; i++)
		if (strncmp(values[i], name, len) == 0 && values[i][len] == '=')
			return true;
	return false;
}

/* Values of kits' arguments. */
struct kit_args {
	char **items; /* owned, with room for all */
	size_t count;
	char **given; /* by options; owned, and so are the strings until they are taken over */
	size_t given_count;
};

/* What the files give to one kit; an option for every kit is no less the user's word. */
static int add_kit_args(const json_t *kit, struct kit_args *args, struct err *err)
{
	const char *source = sandbox_text(kit, "source"), *name;
	autofree char *handle = kit_source_handle(source);
	json_t *value;

	if (handle == NULL)
		return err_set(err, -EINVAL, "'%s' is no reference of a kit", source);
	json_object_foreach(json_object_get(kit, "args"), name, value)
	{
		char *text = NULL;

		if (is_given(args->given, args->given_count, name))
			continue;
		if (asprintf(&text, "%s.%s=%s", handle, name, json_string_value(value)) < 0)
			return out_of_memory(err);
		args->items[args->count++] = text;
	}
	return 0;
}

static size_t count_kit_args(const json_t *kits)
{
	const json_t *kit;
	size_t count = 0, i;

	json_array_foreach(kits, i, kit)
	{
		count += json_object_size(json_object_get(kit, "args"));
	}
	return count;
}

/* The options' values come last, and win. */
static int choose_kit_args(const struct environment_options *options,
			   struct environment *environment, struct err *err)
{
	const json_t *kits = json_object_get(environment->env, "kits"), *kit;
	struct kit_args args = { .items = NULL };
	size_t i;
	int r = kit_values_read(&options->kits, &args.given, &args.given_count, err);

	if (r < 0)
		return r;
	args.items = calloc(count_kit_args(kits) + args.given_count + 1, sizeof(*args.items));
	environment->kit_args = args.items;
	if (args.items == NULL)
		r = out_of_memory(err);
	json_array_foreach(kits, i, kit)
	{
		if (r == 0)
			r = add_kit_args(kit, &args, err);
	}
	if (r < 0) {
		kit_values_free(args.given);
		return r;
	}
	for (i = 0; i < args.given_count; i++)
		args.items[args.count++] = args.given[i];
	free(args.given);
	return 0;
}

int environment_read(const struct environment_options *options, const char *const *paths,
		     size_t count, struct environment *ret, struct err *err)
{
	struct environment environment = ENVIRONMENT_INIT;
	size_t defaults = 0;
	int r = find_files(&environment, paths, count, &defaults, err);

	if (r == 0)
		r = resolve(options, &environment, defaults, err);
	if (r == 0)
		r = choose_name(options, &environment, err);
	if (r == 0)
		r = choose_clone(options, &environment, err);
	if (r == 0)
		r = choose_kit_args(options, &environment, err);
	if (r < 0)
		environment_finish(&environment);
	else
		*ret = environment;
	return r;
}
