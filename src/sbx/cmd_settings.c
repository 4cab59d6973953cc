#include "sbx/commands.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/columns.h"
#include "sbx/format.h"
#include "sbx/settings.h"

struct ls_options {
	struct format_options format;
	bool all, whole; /* of other versions; everything is always shown, and whole */
};

static const struct option ls_rows[] = {
	{ .name = "all",
	  .kind = OPTION_FLAG,
	  .hidden = true,
	  .offset = offsetof(struct ls_options, all),
	  .help = "has no effect" },
	{ .name = "no-trunc",
	  .kind = OPTION_FLAG,
	  .hidden = true,
	  .offset = offsetof(struct ls_options, whole),
	  .help = "has no effect" },
	{ .name = NULL },
};

static const char *type_of(const struct setting *setting)
{
	return setting->kind == SETTING_LIST ? "json" : "bool";
}

/* What is in force, and whether the file says so. */
static json_t *view(const struct setting *setting, const json_t *said)
{
	json_t *standard = json_loads(setting->standard, JSON_DECODE_ANY, NULL);
	json_t *value = json_object_get(said, setting->key);
	json_t *view =
		json_pack("{s:s, s:O, s:s, s:s, s:O, s:b, s:s}", "key", setting->key, "value",
			  value != NULL ? value : standard, "type", type_of(setting), "source",
			  value != NULL ? "override" : "default", "default", standard,
			  "requires_restart", 0, "description", setting->help);

	json_decref(standard);
	return view;
}

static int print_table(const json_t *list, struct err *err)
{
	static const char *const header[] = { "KEY", "VALUE", "SOURCE", "RESTART", "DESCRIPTION" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *item;
	size_t i;
	int r;

	columns_init(&columns, 5);
	r = columns_add(&columns, header);
	json_array_foreach((json_t *)list, i, item)
	{
		autofree char *value = json_dumps(json_object_get(item, "value"), JSON_ENCODE_ANY);
		const char *row[] = { json_string_value(json_object_get(item, "key")), value,
				      json_string_value(json_object_get(item, "source")), "no",
				      json_string_value(json_object_get(item, "description")) };

		if (r == 0)
			r = value != NULL ? columns_add(&columns, row) : -ENOMEM;
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	return 0;
}

static int run_ls(const struct invocation *invocation, struct err *err)
{
	const struct ls_options *options = invocation->values;
	json_t *said, *list, *document;
	int r = settings_read_said(&said, err);

	if (r < 0)
		return r;
	list = json_array();
	for (const struct setting *row = settings_rows; row->key != NULL; row++)
		(void)json_array_append_new(list, view(row, said));
	document = json_pack("{s:O}", "settings", list);
	r = format_is_document(&options->format) ? format_print(&options->format, document, err)
						 : print_table(list, err);
	json_decref(document);
	json_decref(list);
	json_decref(said);
	return r;
}

/* A list an item a line, for shells. */
static void print_value(const json_t *value)
{
	json_t *item;
	size_t i;

	if (json_is_boolean(value))
		(void)puts(json_is_true(value) ? "true" : "false");
	json_array_foreach((json_t *)value, i, item)
	{
		(void)terminal_print_safe(stdout, json_string_value(item));
		(void)putchar('\n');
	}
}

static int run_get(const struct invocation *invocation, struct err *err)
{
	const struct format_options *format = invocation->values;
	const struct setting *setting = settings_find(invocation->args[0], err);
	json_t *said, *found;
	int r = setting == NULL ? err->code : settings_read_said(&said, err);

	if (r < 0)
		return r;
	found = view(setting, said);
	if (format_is_document(format))
		r = format_print(format, found, err);
	else
		print_value(json_object_get(found, "value"));
	json_decref(found);
	json_decref(said);
	return r;
}

/* value: taken over; NULL: back to the default. */
static int change(const struct setting *setting, json_t *value, struct err *err)
{
	json_t *said;
	int r = settings_read_said(&said, err);

	if (r < 0) {
		json_decref(value);
		return r;
	}
	if (value != NULL)
		r = json_object_set_new(said, setting->key, value);
	else
		(void)json_object_del(said, setting->key);
	r = r < 0 ? err_set(err, -ENOMEM, "out of memory") : settings_write(said, err);
	json_decref(said);
	return r;
}

static int run_set(const struct invocation *invocation, struct err *err)
{
	const struct setting *setting = settings_find(invocation->args[0], err);
	json_t *value;
	int r = setting == NULL ? err->code
				: settings_parse(setting, invocation->args + 1,
						 invocation->count - 1, &value, err);

	if (r < 0)
		return r;
	r = change(setting, value, err);
	if (r == 0)
		(void)printf("Setting '%s' changed; it is in force from the next command on\n",
			     setting->key);
	return r;
}

static int run_unset(const struct invocation *invocation, struct err *err)
{
	for (size_t i = 0; i < invocation->count; i++) {
		const struct setting *setting = settings_find(invocation->args[i], err);
		int r = setting == NULL ? err->code : change(setting, NULL, err);

		if (r < 0)
			return r;
		(void)printf("Setting '%s' has its default again: %s\n", setting->key,
			     setting->standard);
	}
	return 0;
}

static const struct command ls = {
	.name = "ls",
	.alias = "list",
	.summary = "List settings, their values, and where these come from",
	.groups = { { .options = ls_rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct ls_options, format) } },
	.values_size = sizeof(struct ls_options),
	.run = run_ls,
};

static const struct command get = {
	.name = "get",
	.summary = "Print the value of a setting, a list an item a line",
	.arguments = "KEY",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct format_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_SETTING,
	.run = run_get,
};

static const struct command set = {
	.name = "set",
	.summary = "Change a setting",
	.arguments = "KEY VALUE...",
	.examples =
		"sbx settings set kit.requireSignature true\n"
		"sbx settings set kit.allowedSources docker.io/ ghcr.io/acme/\ta list of two\n"
		"sbx settings set kit.allowedSources []\tof none",
	.least = 2,
	.most = ARGUMENTS_MANY,
	.first = COMPLETE_SETTING,
	.run = run_set,
};

static const struct command unset = {
	.name = "unset",
	.summary = "Give settings their defaults again",
	.arguments = "KEY...",
	.least = 1,
	.most = ARGUMENTS_MANY,
	.first = COMPLETE_SETTING,
	.rest = COMPLETE_SETTING,
	.run = run_unset,
};

static const struct command *const commands[] = { &ls, &get, &set, &unset, NULL };

const struct command cmd_settings = {
	.name = "settings",
	.summary = "Show and change what sbx does unless told otherwise",
	.description =
		"Settings are kept in settings.json in ~/.config/sbx ($XDG_CONFIG_HOME/sbx) and "
		"are "
		"in\n"
		"force from the next command on. A file with a key that nobody knows is refused.",
	.commands = commands,
};
