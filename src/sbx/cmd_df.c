#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/format.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

enum { SIZE_TEXT = 32 };

static uint64_t number(const json_t *object, const char *member)
{
	return (uint64_t)json_integer_value(json_object_get(object, member));
}

static int add_row(struct columns *columns, const char *kind, const char *name, uint64_t own,
		   uint64_t shared)
{
	char own_text[SIZE_TEXT], shared_text[SIZE_TEXT];
	const char *row[] = { kind, name, own_text, shared_text };

	report_size(own, own_text, sizeof(own_text));
	report_size(shared, shared_text, sizeof(shared_text));
	return columns_add(columns, row);
}

static int add_templates(struct columns *columns, const json_t *account)
{
	json_t *template;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(account, "templates"), i, template)
	{
		bool is_builtin = json_is_true(json_object_get(template, "builtin"));

		if (r == 0)
			r = add_row(columns, is_builtin ? "built-in" : "template",
				    sandbox_text(template, "reference"), number(template, "own"),
				    number(template, "shared"));
	}
	return r;
}

static int add_sandboxes(struct columns *columns, const json_t *account)
{
	json_t *sandbox;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(account, "sandboxes"), i, sandbox)
	{
		uint64_t own = number(sandbox, "disk") + number(sandbox, "docker_disk") +
			       number(sandbox, "other");

		if (r == 0)
			r = add_row(columns, "sandbox", sandbox_text(sandbox, "name"), own, 0);
	}
	return r;
}

static int print_table(const json_t *account, struct err *err)
{
	static const char *const header[] = { "KIND", "NAME", "OWN", "SHARED" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	char total[SIZE_TEXT], layers[SIZE_TEXT], builtin[SIZE_TEXT];
	int r;

	columns_init(&columns, 4);
	r = columns_add(&columns, header);
	if (r == 0)
		r = add_templates(&columns, account);
	if (r == 0)
		r = add_sandboxes(&columns, account);
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	report_size(number(account, "total"), total, sizeof(total));
	report_size(number(account, "layers"), layers, sizeof(layers));
	report_size(number(account, "builtin"), builtin, sizeof(builtin));
	(void)printf(
		"\nThe state takes %s, of it %s for layers of templates. Built-in templates "
		"take %s.\n",
		total, layers, builtin);
	return 0;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct format_options *format = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *account;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = client_call(&client, "GET", "/df", NULL, &account, err);
	if (r < 0)
		return r;
	r = format_is_document(format) ? format_print(format, account, err)
				       : print_table(account, err);
	json_decref(account);
	return r;
}

const struct command cmd_df = {
	.name = "df",
	.summary = "Show what sandboxes and templates take of this machine's disk",
	.description =
		"Counted are blocks that files really have, each once. OWN is freed when the "
		"row's\n"
		"template or sandbox is removed; SHARED is what other templates use too.",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct format_options),
	.run = run,
};
