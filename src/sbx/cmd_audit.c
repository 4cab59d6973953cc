/* sbx audit: the record of what was done, chained by hash. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terminal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/commands.h"
#include "sbx/format.h"
#include "sbx/policy.h"
#include "sbx/sandbox.h"

enum { LIMIT_DEFAULT = 50, DETAILS_MAX = 1 << 16 };

struct audit_options {
	struct format_options format;
	const char *sandbox, *event;
	uint64_t limit;
};

static const char *const events[] = { "network", "secret",  "exec",  "mount", "policy",
				      "port",	 "sandbox", "audit", NULL };

static int run_verify(const struct invocation *invocation, struct err *err)
{
	const struct audit_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *answer;
	bool right;
	int r = client_init(&client, invocation, err);

	client.timeout_ms = CLIENT_SLOW_MS;
	if (r == 0)
		r = client_call(&client, "GET", "/audit/verify", NULL, &answer, err);
	if (r < 0)
		return r;
	right = json_is_true(json_object_get(answer, "right"));
	if (format_is_document(&options->format))
		r = format_print(&options->format, answer, err);
	else if (right)
		(void)printf("%" JSON_INTEGER_FORMAT " lines are right; the last hash is %s\n",
			     json_integer_value(json_object_get(answer, "lines")),
			     sandbox_text(answer, "last"));
	if (r == 0 && !right)
		r = err_set(err, -EBADMSG,
			    "the chain is broken after %" JSON_INTEGER_FORMAT " lines: %s",
			    json_integer_value(json_object_get(answer, "lines")),
			    sandbox_text(answer, "message"));
	json_decref(answer);
	return r;
}

static const struct command verify = {
	.name = "verify",
	.summary = "Check that no line was changed, removed or moved",
	.description =
		"Each line of the audit file holds the hash of the one before it. Who can write "
		"the "
		"file can\n"
		"also make a whole new chain or cut its end: keep the last hash elsewhere to see "
		"that too.\n"
		"The exit status is 1 when the chain is broken.",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct audit_options),
	.run = run_verify,
};

static const struct option show_rows[] = {
	{ .name = "sandbox",
	  .kind = OPTION_STRING,
	  .argument = "SANDBOX",
	  .complete = COMPLETE_SANDBOX,
	  .offset = offsetof(struct audit_options, sandbox),
	  .help = "only lines of this sandbox" },
	{ .name = "event",
	  .kind = OPTION_STRING,
	  .argument = "EVENT",
	  .choices = events,
	  .offset = offsetof(struct audit_options, event),
	  .help = "only lines of this event" },
	{ .name = "limit",
	  .kind = OPTION_NUMBER,
	  .argument = "N",
	  .offset = offsetof(struct audit_options, limit),
	  .help = "the N latest lines (default: 50)" },
	{ .name = NULL },
};

static bool is_own_column(const char *name)
{
	static const char *const names[] = { "n", "time", "event", "sandbox", "prev", "hash" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* What is special to an event: "host=example.com:443 decision=deny". */
static void describe(const json_t *line, struct buf *text)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)line, name, value)
	{
		autofree char *dumped = NULL;

		if (is_own_column(name))
			continue;
		if (!json_is_string(value))
			dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		(void)buf_printf(text, "%s%s=%s", text->len > 0 ? " " : "", name,
				 dumped != NULL ? dumped : json_string_value(value));
	}
}

static int add_line(struct columns *columns, const json_t *line)
{
	autocall(buf_finish) struct buf details;
	char number[24];

	buf_init(&details, DETAILS_MAX);
	describe(line, &details);
	(void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
		       json_integer_value(json_object_get(line, "n")));
	return columns_add(columns, (const char *const[]){
					    number,
					    sandbox_text(line, "time"),
					    sandbox_text(line, "event"),
					    *sandbox_text(line, "sandbox") != '\0'
						    ? sandbox_text(line, "sandbox")
						    : "-",
					    buf_str(&details) != NULL ? buf_str(&details) : "",
				    });
}

static int print_lines(const json_t *lines, struct err *err)
{
	static const char *const header[] = { "N", "TIME", "EVENT", "SANDBOX", "DETAILS" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *line;
	size_t i;
	int r;

	columns_init(&columns, 5);
	r = columns_add(&columns, header);
	json_array_foreach((json_t *)lines, i, line)
	{
		if (r == 0)
			r = add_line(&columns, line);
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	return 0;
}

static int run_show(const struct invocation *invocation, struct err *err)
{
	const struct audit_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	uint64_t limit = options->limit != 0 ? options->limit : LIMIT_DEFAULT;
	autofree char *base = NULL, *part = NULL, *path = NULL;
	json_t *answer;
	int r;

	if (asprintf(&base, "/audit?limit=%" PRIu64, limit) < 0)
		base = NULL;
	part = base == NULL ? NULL : policy_url(base, "sandbox", options->sandbox);
	path = part == NULL ? NULL : policy_url(part, "event", options->event);
	if (path == NULL)
		return err_set(err, -EINVAL, "the name of the sandbox is too long");
	r = client_init(&client, invocation, err);
	client.timeout_ms = CLIENT_SLOW_MS;
	if (r == 0)
		r = client_call(&client, "GET", path, NULL, &answer, err);
	if (r < 0)
		return r;
	r = format_is_document(&options->format)
		    ? format_print(&options->format, answer, err)
		    : print_lines(json_object_get(answer, "lines"), err);
	json_decref(answer);
	return r;
}

static const struct command show = {
	.name = "show",
	.summary = "Show the latest lines of the audit file",
	.groups = { { .options = show_rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct audit_options, format) } },
	.values_size = sizeof(struct audit_options),
	.run = run_show,
};

static const struct command *const commands[] = { &verify, &show, NULL };

const struct command cmd_audit = {
	.name = "audit",
	.summary = "The record of verdicts, commands, mounts and changes of policy",
	.commands = commands,
};
