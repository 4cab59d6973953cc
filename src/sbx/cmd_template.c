#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/format.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/template.h"
#include "sbx/template_commands.h"

enum { SHORT_ID = 12, SIZE_TEXT = 32 };

struct ls_options {
	struct format_options format;
	bool quiet;
};

static const struct option ls_rows[] = {
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct ls_options, quiet),
	  .help = "print references only" },
	{ .name = NULL },
};

/* "sha256:0123…" without the algorithm, as much as tells one from another. */
static void short_id(const json_t *template, char ret[SHORT_ID + 1])
{
	const char *id = sandbox_text(template, "id"), *colon = strchr(id, ':');

	(void)snprintf(ret, SHORT_ID + 1, "%s", colon != NULL ? colon + 1 : id);
}

static uint64_t size_of(const json_t *template)
{
	return (uint64_t)json_integer_value(json_object_get(template, "size"));
}

static int add_row(struct columns *columns, const json_t *template)
{
	char id[SHORT_ID + 1], size[SIZE_TEXT];
	const char *row[] = { sandbox_text(template, "repository"), sandbox_text(template, "tag"),
			      sandbox_text(template, "agent"),	    id,
			      sandbox_text(template, "created_at"), size };

	short_id(template, id);
	report_size(size_of(template), size, sizeof(size));
	return columns_add(columns, row);
}

static int print_table(const json_t *list, struct err *err)
{
	static const char *const header[] = { "REPOSITORY", "TAG",     "FLAVOR",
					      "IMAGE ID",   "CREATED", "SIZE" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *template;
	size_t i;
	int r;

	columns_init(&columns, 6);
	r = columns_add(&columns, header);
	json_array_foreach(list, i, template)
	{
		if (r == 0)
			r = add_row(&columns, template);
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	return 0;
}

static int print_document(const struct format_options *format, const json_t *list, struct err *err)
{
	json_t *images = json_array(), *document, *template;
	size_t i;
	int r;

	json_array_foreach(list, i, template)
	{
		(void)json_array_append_new(
			images,
			json_pack("{ss ss ss ss ss* sI sb}", "id", sandbox_text(template, "id"),
				  "repository", sandbox_text(template, "repository"), "tag",
				  sandbox_text(template, "tag"), "flavor",
				  sandbox_text(template, "agent"), "created_at",
				  json_string_value(json_object_get(template, "created_at")),
				  "size", (json_int_t)size_of(template), "builtin",
				  json_is_true(json_object_get(template, "builtin"))));
	}
	document = json_pack("{so}", "images", images);
	r = format_print(format, document, err);
	json_decref(document);
	return r;
}

static int run_ls(const struct invocation *invocation, struct err *err)
{
	const struct ls_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *answer, *list, *template;
	size_t i;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = client_call(&client, "GET", "/template", NULL, &answer, err);
	if (r < 0)
		return r;
	list = json_object_get(answer, "templates");
	if (format_is_document(&options->format)) {
		r = print_document(&options->format, list, err);
	} else if (options->quiet) {
		json_array_foreach(list, i, template)
		{
			(void)puts(sandbox_text(template, "reference"));
		}
	} else {
		r = print_table(list, err);
	}
	json_decref(answer);
	return r;
}

static int run_inspect(const struct invocation *invocation, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *template;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = template_get(&client, invocation->args[0], &template, err);
	if (r < 0)
		return r;
	r = report_json(template, err);
	json_decref(template);
	return r;
}

struct rm_options {
	bool force;
};

static const struct option rm_rows[] = {
	REPORT_FORCE_ROW(struct rm_options, force),
	{ .name = NULL },
};

static int remove_one(struct client *client, const char *reference, struct err *err)
{
	json_t *body = json_pack("{ss}", "reference", reference), *answer = NULL, *name;
	size_t i;
	int r = body == NULL ? err_set(err, -EINVAL, "'%s' is no template", reference)
			     : client_call(client, "POST", "/template/remove", body, &answer, err);

	json_array_foreach(json_object_get(answer, "removed"), i, name)
	{
		(void)fputs("Removed: ", stdout);
		(void)terminal_print_safe(stdout, json_string_value(name));
		(void)putchar('\n');
	}
	json_decref(answer);
	json_decref(body);
	return r;
}

static int run_rm(const struct invocation *invocation, struct err *err)
{
	const struct rm_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = report_confirm(options->force, "Remove the template?", err);
	for (size_t i = 0; r == 0 && i < invocation->count; i++)
		r = remove_one(&client, invocation->args[i], err);
	return r;
}

struct load_options {
	const char *tag;
};

static const struct option load_rows[] = {
	{ .name = "tag",
	  .letter = 't',
	  .kind = OPTION_STRING,
	  .argument = "REF",
	  .offset = offsetof(struct load_options, tag),
	  .help = "call it this (default: what the image calls itself)" },
	{ .name = NULL },
};

static int run_load(const struct invocation *invocation, struct err *err)
{
	const struct load_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autofree char *path = realpath(invocation->args[0], NULL);
	struct progress progress;
	json_t *template;
	int r;

	if (path == NULL)
		return err_set_errno(err, -errno, "cannot load '%s'", invocation->args[0]);
	r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	progress_step(&progress, "Loading the image");
	r = template_load(&client, path, options->tag, &template, err);
	progress_finish(&progress);
	if (r < 0)
		return r;
	(void)fputs("Loaded: ", stdout);
	(void)terminal_print_safe(stdout, sandbox_text(template, "reference"));
	(void)putchar('\n');
	template_print_use(template);
	json_decref(template);
	return 0;
}

static const struct command ls = {
	.name = "ls",
	.alias = "list",
	.summary = "List templates",
	.groups = { { .options = ls_rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct ls_options, format) } },
	.values_size = sizeof(struct ls_options),
	.run = run_ls,
};

static const struct command inspect = {
	.name = "inspect",
	.summary = "Show what a template is made of, as JSON",
	.arguments = "TAG|ID",
	.least = 1,
	.most = 1,
	.first = COMPLETE_TEMPLATE,
	.run = run_inspect,
};

static const struct command rm = {
	.name = "rm",
	.alias = "remove",
	.summary = "Remove templates",
	.arguments = "TAG|ID...",
	.description =
		"Sandboxes made from it stay as they are. What no template and no sandbox uses is\n"
		"deleted.",
	.groups = { { .options = rm_rows } },
	.values_size = sizeof(struct rm_options),
	.least = 1,
	.most = ARGUMENTS_MANY,
	.first = COMPLETE_TEMPLATE,
	.rest = COMPLETE_TEMPLATE,
	.run = run_rm,
};

static const struct command load = {
	.name = "load",
	.summary = "Make a template of an archive of an image",
	.arguments = "FILE",
	.description =
		"FILE is what `docker save` or `sbx template export` wrote, or another OCI "
		"layout in a tar\n"
		"archive. Nothing in it is believed: see docs/templates.md.",
	.groups = { { .options = load_rows } },
	.values_size = sizeof(struct load_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_FILE,
	.run = run_load,
};

static const struct command *const commands[] = {
	&ls, &inspect, &template_build, &load, &template_save, &template_export, &rm, NULL
};

const struct command cmd_template = {
	.name = "template",
	.summary = "Manage what sandboxes are made from",
	.commands = commands,
};
