#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/format.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

static bool is_size(const char *key)
{
	static const char *const keys[] = { "memory",	    "disk", "docker_disk", "pss",
					    "guest_memory", "size", "allocated" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (strcmp(key, keys[i]) == 0)
			return true;
	}
	return false;
}

static void print_scalar(const char *key, const json_t *value)
{
	char size[32];
	json_t *item;
	size_t i;

	if (json_is_string(value)) {
		(void)terminal_print_safe(stdout, json_string_value(value));
	} else if (json_is_integer(value) && is_size(key)) {
		report_size((uint64_t)json_integer_value(value), size, sizeof(size));
		(void)fputs(size, stdout);
	} else if (json_is_integer(value)) {
		(void)printf("%lld", (long long)json_integer_value(value));
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, item)
		{
			(void)fputs(i == 0 ? "" : ",", stdout);
			print_scalar(key, item);
		}
	} else {
		(void)fputs(json_is_true(value) ? "yes" : "no", stdout);
	}
}

/* One line for a member of a list: its own members, one after the other. */
static void print_row(json_t *row)
{
	const char *key;
	json_t *value;
	bool first = true;

	if (!json_is_object(row)) {
		print_scalar("", row);
		return;
	}
	json_object_foreach(row, key, value)
	{
		if ((json_is_array(value) && json_array_size(value) == 0) ||
		    (json_is_string(value) && json_string_length(value) == 0))
			continue;
		(void)printf("%s%s ", first ? "" : "  ", key);
		print_scalar(key, value);
		first = false;
	}
}

static void print_member(const char *key, json_t *value)
{
	json_t *row;
	size_t i;

	if (json_is_object(value) && json_object_size(value) > 0) {
		(void)printf("%-16s", key);
		print_row(value);
		(void)putchar('\n');
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, row)
		{
			(void)printf("%-16s", i == 0 ? key : "");
			print_row(row);
			(void)putchar('\n');
		}
	} else if (!json_is_object(value)) {
		(void)printf("%-16s", key);
		print_scalar(key, value);
		(void)putchar('\n');
	}
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct format_options *format = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autofree char *path = client_path(invocation->args[0], "/inspect");
	json_t *sandbox, *value;
	const char *key;
	int r;

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = client_init(&client, invocation, err);
	if (r == 0)
		r = client_call(&client, "GET", path, NULL, &sandbox, err);
	if (r < 0)
		return r;
	if (format_is_document(format)) {
		r = format_print(format, sandbox, err);
	} else {
		json_object_foreach(sandbox, key, value)
		{
			print_member(key, value);
		}
	}
	json_decref(sandbox);
	return r;
}

const struct command cmd_inspect = {
	.name = "inspect",
	.summary = "Show all there is to know about a sandbox",
	.arguments = "SANDBOX",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct format_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_SANDBOX,
	.run = run,
};
