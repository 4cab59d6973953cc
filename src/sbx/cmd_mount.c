#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/mounts.h"
#include "sbx/sandbox.h"

struct mount_options {
	bool force;
};

static const struct option rows[] = {
	{ .name = "force",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct mount_options, force),
	  .help = "share even / or the home directory" },
	{ .name = NULL },
};

static int add_mount(struct client *client, const char *name, json_t *mount, bool force,
		     struct err *err)
{
	autofree char *path = client_path(name, "/mounts");
	int r;

	if (path == NULL || (force && json_object_set_new(mount, "force", json_true()) < 0))
		return err_set(err, -ENOMEM, "out of memory");
	r = client_call(client, "POST", path, mount, NULL, err);
	if (r < 0)
		return r;
	(void)fputs("Mounted ", stdout);
	(void)terminal_print_safe(stdout, sandbox_text(mount, "source"));
	(void)fputs(" -> ", stdout);
	(void)terminal_print_safe(stdout, sandbox_text(mount, "target"));
	(void)puts(json_is_true(json_object_get(mount, "read_only")) ? " (ro)" : " (rw)");
	return 0;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct mount_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *mounts = json_array();
	int r = mounts_add_spec(mounts, invocation->args[1], err);

	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r == 0)
		r = add_mount(&client, invocation->args[0], json_array_get(mounts, 0),
			      options->force, err);
	json_decref(mounts);
	return r;
}

const struct command cmd_mount = {
	.name = "mount",
	.summary = "Share one more file or folder with a sandbox",
	.arguments = "SANDBOX SRC[:DST][:ro]",
	.description =
		"It is there at once, also while the sandbox runs, and in every later start.",
	.examples =
		"sbx mount demo ~/lib:ro\tat the same path, read-only\n"
		"sbx mount demo ~/data:/data\tat another place",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct mount_options),
	.least = 2,
	.most = 2,
	.first = COMPLETE_SANDBOX,
	.rest = COMPLETE_FILE,
	.run = run,
};
