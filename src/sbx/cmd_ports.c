#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/format.h"
#include "sbx/portspec.h"
#include "sbx/sandbox.h"

struct ports_options {
	struct format_options format;
	struct option_list publish, unpublish;
};

static const struct option rows[] = {
	{ .name = "publish",
	  .letter = 'p',
	  .kind = OPTION_LIST,
	  .argument = "SPEC",
	  .offset = offsetof(struct ports_options, publish),
	  .help = "publish a port of the sandbox; may be repeated" },
	{ .name = "unpublish",
	  .kind = OPTION_LIST,
	  .argument = "SPEC",
	  .offset = offsetof(struct ports_options, unpublish),
	  .help = "take a published port back; may be repeated" },
	{ .name = NULL },
};

static int add_row(struct columns *columns, const json_t *port)
{
	char host_port[16], sandbox_port[16];
	const char *row[4] = { sandbox_text(port, "host_ip"), host_port, sandbox_port,
			       sandbox_text(port, "protocol") };

	(void)snprintf(host_port, sizeof(host_port), "%lld",
		       (long long)json_integer_value(json_object_get(port, "host_port")));
	(void)snprintf(sandbox_port, sizeof(sandbox_port), "%lld",
		       (long long)json_integer_value(json_object_get(port, "sandbox_port")));
	return columns_add(columns, row);
}

static int print_table(const json_t *ports, struct err *err)
{
	static const char *const header[] = { "HOST IP", "HOST PORT", "SANDBOX PORT", "PROTOCOL" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *port;
	size_t i;
	int r;

	if (json_array_size(ports) == 0) {
		(void)puts("No published ports");
		return 0;
	}
	columns_init(&columns, 4);
	r = columns_add(&columns, header);
	json_array_foreach(ports, i, port)
	{
		if (r == 0)
			r = add_row(&columns, port);
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	return 0;
}

static int list(struct client *client, const char *name, const struct format_options *format,
		struct err *err)
{
	autofree char *path = client_path(name, "/ports");
	json_t *answer = NULL;
	int r = path == NULL ? err_set(err, -ENOMEM, "out of memory")
			     : client_call(client, "GET", path, NULL, &answer, err);

	if (r == 0)
		r = format_is_document(format)
			    ? format_print(format, json_object_get(answer, "ports"), err)
			    : print_table(json_object_get(answer, "ports"), err);
	json_decref(answer);
	return r;
}

static void print_changed(const char *verb, const json_t *ports)
{
	json_t *port;
	size_t i;

	json_array_foreach(ports, i, port)
	{
		char host[80];

		portspec_host(port, host, sizeof(host));
		(void)printf("%s ", verb);
		(void)terminal_print_safe(stdout, host);
		(void)printf(" -> %lld/%s\n",
			     (long long)json_integer_value(json_object_get(port, "sandbox_port")),
			     sandbox_text(port, "protocol"));
	}
}

/* rest: of the path; member: of the answer. */
static int change(struct client *client, const char *name, const struct option_list *specs,
		  const char *rest, const char *member, const char *verb, struct err *err)
{
	autofree char *path = client_path(name, rest);
	json_t *ports = json_array(), *body = json_pack("{so}", "ports", ports), *answer = NULL;
	int r = path == NULL || body == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;

	for (size_t i = 0; r == 0 && i < specs->count; i++)
		r = portspec_add(ports, specs->items[i], err);
	if (r == 0)
		r = client_call(client, "POST", path, body, &answer, err);
	if (r == 0)
		print_changed(verb, json_object_get(answer, member));
	json_decref(answer);
	json_decref(body);
	return r;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct ports_options *options = invocation->values;
	const char *name = invocation->args[0];
	autocall(client_finish) struct client client = { .socket_path = NULL };
	int r = client_init(&client, invocation, err);

	client.timeout_ms = CLIENT_SLOW_MS;
	if (r == 0 && options->unpublish.count > 0)
		r = change(&client, name, &options->unpublish, "/ports/unpublish", "unpublished",
			   "Unpublished", err);
	if (r == 0 && options->publish.count > 0)
		r = change(&client, name, &options->publish, "/ports", "published", "Published",
			   err);
	if (r == 0 && options->unpublish.count + options->publish.count == 0)
		r = list(&client, name, &options->format, err);
	return r;
}

const struct command cmd_ports = {
	.name = "ports",
	.summary = "List, publish and unpublish ports of a sandbox",
	.arguments = "SANDBOX",
	.description =
		"SPEC is [[HOST_IP:]HOST_PORT:]SANDBOX_PORT[/PROTOCOL]. Without HOST_IP the port "
		"is "
		"reached\n"
		"from this machine only; without HOST_PORT any free one is taken. PROTOCOL is "
		"tcp4, "
		"tcp6,\n"
		"udp4 or udp6 (default: tcp4), or tcp or udp for both families. In unpublish, a "
		"SANDBOX_PORT\n"
		"alone means every port that leads to it.\n"
		"\n"
		"A connection to a stopped sandbox starts it, and waits meanwhile. Ports stay "
		"published until\n"
		"they are unpublished.",
	.examples =
		"sbx ports demo -p 8080:3000\thttp://127.0.0.1:8080 is port 3000 inside\n"
		"sbx ports demo -p 3000/tcp\tany free port, on 127.0.0.1 and ::1",
	.groups = { { .options = rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct ports_options, format) } },
	.values_size = sizeof(struct ports_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_SANDBOX,
	.run = run,
};
