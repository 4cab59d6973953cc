#include "sbx/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"
#include "sbx/client.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

struct grow_options {
	bool docker;
};

static const struct option grow_rows[] = {
	{ .name = "docker",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct grow_options, docker),
	  .help = "the disk for /var/lib/docker instead" },
	{ .name = NULL },
};

static int run_grow(const struct invocation *invocation, struct err *err)
{
	const struct grow_options *options = invocation->values;
	const char *member = options->docker ? "docker_disk" : "disk";
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autofree char *path = client_path(invocation->args[0], "/disk");
	json_t *body, *sandbox;
	uint64_t bytes;
	char size[32];
	int r;

	if (parse_size(invocation->args[1], &bytes) < 0 || bytes > INT64_MAX)
		return err_set(err, -EINVAL, "'%s' is no size; write it like 40g",
			       invocation->args[1]);
	body = json_pack("{s:I}", member, (json_int_t)bytes);
	if (path == NULL || body == NULL)
		r = err_set(err, -ENOMEM, "out of memory");
	else
		r = client_init(&client, invocation, err);
	if (r == 0)
		r = client_call(&client, "POST", path, body, &sandbox, err);
	json_decref(body);
	if (r < 0)
		return r;
	report_size(bytes, size, sizeof(size));
	(void)printf("The disk of sandbox '%s' has %s\n", invocation->args[0], size);
	json_decref(sandbox);
	return 0;
}

static uint64_t bytes_of(const json_t *answer, const char *member)
{
	return (uint64_t)json_integer_value(json_object_get(answer, member));
}

static void print_trimmed(const char *name, const json_t *answer)
{
	char freed[32], left[32];

	report_size(bytes_of(answer, "bytes"), freed, sizeof(freed));
	report_size(bytes_of(answer, "allocated"), left, sizeof(left));
	if (bytes_of(answer, "bytes") == 0)
		(void)printf("There was nothing to give back: the disks of sandbox '%s' take %s\n",
			     name, left);
	else
		(void)printf(
			"Gave %s back to this machine; the disks of sandbox '%s' take %s now\n",
			freed, name, left);
}

static int run_trim(const struct invocation *invocation, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autofree char *path = client_path(invocation->args[0], "/trim");
	struct progress progress;
	json_t *answer;
	int r;

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	client.timeout_ms = CLIENT_SLOW_MS;
	progress_step(&progress, "Giving free blocks back");
	r = client_call(&client, "POST", path, NULL, &answer, err);
	progress_finish(&progress);
	if (r < 0)
		return r;
	print_trimmed(invocation->args[0], answer);
	json_decref(answer);
	return 0;
}

static const struct command grow = {
	.name = "grow",
	.summary = "Make the disk of a sandbox larger",
	.arguments = "SANDBOX SIZE",
	.description = "SIZE is the new size, like 40g. A running sandbox has it at once.",
	.groups = { { .options = grow_rows } },
	.values_size = sizeof(struct grow_options),
	.least = 2,
	.most = 2,
	.first = COMPLETE_SANDBOX,
	.run = run_grow,
};

static const struct command trim = {
	.name = "trim",
	.summary = "Give what was deleted in a sandbox back to this machine",
	.arguments = "SANDBOX",
	.least = 1,
	.most = 1,
	.first = COMPLETE_SANDBOX,
	.run = run_trim,
};

static const struct command *const commands[] = { &grow, &trim, NULL };

const struct command cmd_disk = {
	.name = "disk",
	.summary = "Grow and trim the disks of sandboxes",
	.commands = commands,
};
