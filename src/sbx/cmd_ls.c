#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/format.h"
#include "sbx/portspec.h"
#include "sbx/sandbox.h"

struct ls_options {
	struct format_options format;
	bool quiet;
};

static const struct option rows[] = {
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct ls_options, quiet),
	  .help = "print names only" },
	{ .name = NULL },
};

/* "/a, /b (ro)": what a sandbox shares, its workspace first. */
static int describe_workspaces(const json_t *sandbox, struct buf *text)
{
	json_t *mount;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(sandbox, "mounts"), i, mount)
	{
		bool read_only = json_is_true(json_object_get(mount, "read_only"));

		r |= buf_printf(text, "%s%s%s", i > 0 ? ", " : "", sandbox_text(mount, "source"),
				read_only ? ":ro" : "");
	}
	return r;
}

static int add_row(struct columns *columns, const json_t *sandbox)
{
	autocall(buf_finish) struct buf workspaces;
	autofree char *ports = portspec_list(json_object_get(sandbox, "ports"));
	const char *row[5];
	int r;

	buf_init(&workspaces, 1 << 20);
	r = describe_workspaces(sandbox, &workspaces);
	row[0] = sandbox_text(sandbox, "name");
	row[1] = sandbox_text(sandbox, "agent");
	row[2] = sandbox_text(sandbox, "status");
	row[3] = ports;
	row[4] = r == 0 ? buf_str(&workspaces) : NULL;
	return row[3] != NULL && row[4] != NULL ? columns_add(columns, row) : -ENOMEM;
}

static int print_table(const json_t *list, struct err *err)
{
	static const char *const header[] = { "SANDBOX", "AGENT", "STATUS", "PORTS", "WORKSPACE" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *sandbox;
	size_t i;
	int r;

	columns_init(&columns, 5);
	r = columns_add(&columns, header);
	json_array_foreach(list, i, sandbox)
	{
		if (r == 0)
			r = add_row(&columns, sandbox);
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	if (json_array_size(list) == 0 && isatty(STDOUT_FILENO) == 1)
		(void)fputs("No sandbox yet; make one with: sbx run\n", stderr);
	return 0;
}

static void print_names(const json_t *list)
{
	json_t *sandbox;
	size_t i;

	json_array_foreach(list, i, sandbox)
	{
		(void)puts(sandbox_text(sandbox, "name"));
	}
}

static int print_document(const struct format_options *format, const json_t *list, struct err *err)
{
	json_t *document, *sandbox;
	size_t i;
	int r;

	json_array_foreach(list, i, sandbox)
	{
		if (json_object_set_new(sandbox, "workspaces", sandbox_workspaces(sandbox)) < 0)
			return err_set(err, -ENOMEM, "out of memory");
	}
	document = json_pack("{s:O}", "sandboxes", list);
	r = format_print(format, document, err);
	json_decref(document);
	return r;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct ls_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *list;
	int r = client_init(&client, invocation, err);

	if (r < 0)
		return r;
	client.quiet = options->quiet || format_is_document(&options->format);
	r = sandbox_list(&client, &list, err);
	if (r < 0)
		return r;
	if (options->quiet)
		print_names(list);
	else if (format_is_document(&options->format))
		r = print_document(&options->format, list, err);
	else
		r = print_table(list, err);
	json_decref(list);
	return r;
}

const struct command cmd_ls = {
	.name = "ls",
	.alias = "list",
	.summary = "List sandboxes",
	.groups = { { .options = rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct ls_options, format) } },
	.values_size = sizeof(struct ls_options),
	.run = run,
};
