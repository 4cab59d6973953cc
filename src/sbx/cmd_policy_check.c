/* sbx policy check and explain. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/format.h"
#include "sbx/policy.h"
#include "sbx/sandbox.h"

struct check_options {
	struct format_options format;
	const char *sandbox, *protocol, *method, *path;
	bool verbose;
};

static const char *const protocols[] = { "tcp", "udp", NULL };

#define TARGET(member) .offset = offsetof(struct check_options, member)

static const struct option check_rows[] = {
	{ .name = "sandbox",
	  .kind = OPTION_STRING,
	  .argument = "SANDBOX",
	  .complete = COMPLETE_SANDBOX,
	  TARGET(sandbox),
	  .help = "as this sandbox would ask" },
	{ .name = "protocol",
	  .kind = OPTION_STRING,
	  .argument = "PROTOCOL",
	  .choices = protocols,
	  TARGET(protocol),
	  .help = "tcp or udp (default: tcp)" },
	{ .name = "method",
	  .kind = OPTION_STRING,
	  .argument = "METHOD",
	  TARGET(method),
	  .help = "an HTTP request of this method" },
	{ .name = "path",
	  .kind = OPTION_STRING,
	  .argument = "PATH",
	  TARGET(path),
	  .help = "an HTTP request of this path" },
	{ .name = "verbose",
	  .letter = 'v',
	  .kind = OPTION_FLAG,
	  TARGET(verbose),
	  .help = "show every rule that was considered" },
	{ .name = NULL },
};

static int ask(const struct invocation *invocation, json_t **ret, struct err *err)
{
	const struct check_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	size_t count = 0;
	const char *const *args = policy_args(invocation, &count);
	json_t *body;
	int r;

	if (count != 1)
		return err_set(err, -EINVAL, "name one target: example.com:443");
	body = json_pack("{ss ss* ss* ss* ss*}", "target", args[0], "sandbox", options->sandbox,
			 "protocol", options->protocol, "method", options->method, "path",
			 options->path);
	if (body == NULL)
		return err_set(err, -EINVAL, "the target is not UTF-8");
	r = client_init(&client, invocation, err);
	if (r == 0)
		r = client_call(&client, "POST", "/policy/check", body, ret, err);
	json_decref(body);
	return r;
}

static void print_chain(const json_t *answer)
{
	json_t *line;
	size_t i;

	json_array_foreach(json_object_get(answer, "chain"), i, line)
	{
		(void)terminal_print_safe(stdout, json_string_value(line));
		(void)putchar('\n');
	}
}

static void print_verdict(const json_t *answer, bool allowed)
{
	(void)fputs(allowed ? "Allowed: " : "Denied: ", stdout);
	(void)terminal_print_safe(stdout, sandbox_text(answer, "target"));
	if (!allowed) {
		(void)fputs(" — ", stdout);
		(void)terminal_print_safe(stdout, sandbox_text(answer, "reason"));
	}
	(void)putchar('\n');
}

static int run_check(const struct invocation *invocation, struct err *err)
{
	const struct check_options *options = invocation->values;
	json_t *answer;
	bool allowed;
	int r = ask(invocation, &answer, err);

	if (r < 0)
		return r;
	allowed = json_is_true(json_object_get(answer, "allowed"));
	if (format_is_document(&options->format)) {
		r = format_print(&options->format, answer, err);
	} else {
		print_verdict(answer, allowed);
		if (options->verbose)
			print_chain(answer);
	}
	json_decref(answer);
	if (r < 0)
		return r;
	return allowed ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_explain(const struct invocation *invocation, struct err *err)
{
	const struct check_options *options = invocation->values;
	json_t *answer;
	int r = ask(invocation, &answer, err);

	if (r < 0)
		return r;
	if (format_is_document(&options->format))
		r = format_print(&options->format, answer, err);
	else
		print_chain(answer);
	json_decref(answer);
	return r;
}

#define CHECK_COMMAND(verb, phrase, text, run_function)                                \
	{                                                                              \
		.name = verb, .summary = phrase, .arguments = "[network] HOST[:PORT]", \
		.description = text,                                                   \
		.groups = { { .options = check_rows },                                 \
			    { .options = format_option_rows,                           \
			      .offset = offsetof(struct check_options, format) } },    \
		.values_size = sizeof(struct check_options), .least = 1, .most = 2,    \
		.run = run_function,                                                   \
	}

const struct command policy_check = CHECK_COMMAND(
	"check", "Say whether something would be allowed",
	"The port is 443 unless it is given. The exit status is 0 when it would be allowed, 1 "
	"when\n"
	"not. The host is not looked up: what its name resolves to is judged when a sandbox asks.",
	run_check);
const struct command policy_explain = CHECK_COMMAND(
	"explain", "Show how a decision comes about, rule by rule",
	"The port is 443 unless it is given. The exit status is 0 whatever was decided.",
	run_explain);
