#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/terminal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/removal.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

struct rm_options {
	bool all, force;
};

static const struct option rows[] = {
	{ .name = "all",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct rm_options, all),
	  .help = "remove every sandbox" },
	{ .name = "force",
	  .letter = 'f',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct rm_options, force),
	  .help = "do not ask, and remove also what is in use" },
	{ .name = NULL },
};

static int remove_one(struct client *client, const json_t *sandbox, bool force)
{
	const char *name = sandbox_text(sandbox, "name");
	struct err err = ERR_INIT;

	(void)printf("Deleting sandbox %s...\n", name);
	(void)fflush(stdout);
	progress_step(client->progress, "Removing");
	if (removal_remove(client, sandbox, force, &err) < 0) {
		report_error(&err);
		return EXIT_FAILURE;
	}
	(void)printf("Sandbox '%s' removed\n", name);
	(void)fflush(stdout);
	return EXIT_SUCCESS;
}

/* "Remove the sandboxes 'a', 'b' with all that is on their disks?" */
static int confirm(const json_t *chosen, bool force, struct err *err)
{
	autocall(buf_finish) struct buf question;
	const char *text;
	json_t *sandbox;
	size_t i;
	int r = 0;

	buf_init(&question, 1 << 20);
	json_array_foreach(chosen, i, sandbox)
	{
		r |= buf_printf(&question, "%s'%s'", i == 0 ? "Remove sandbox " : ", ",
				sandbox_text(sandbox, "name"));
	}
	r |= buf_printf(&question, " and all that is on its disks?");
	text = r == 0 ? buf_str(&question) : NULL;
	return text != NULL ? report_confirm(force, text, err)
			    : err_set(err, -ENOMEM, "out of memory");
}

/* What is to be removed, an array of objects; a name that does not exist is an error before any
 * question. */
static int collect(struct client *client, const struct invocation *invocation, bool all,
		   json_t **ret, struct err *err)
{
	json_t *list, *sandbox;
	int r = 0;

	if (all)
		return sandbox_list(client, ret, err);
	list = json_array();
	for (size_t i = 0; r == 0 && i < invocation->count; i++) {
		r = sandbox_get(client, invocation->args[i], &sandbox, err);
		if (r == 0 && json_array_append_new(list, sandbox) < 0)
			r = err_set(err, -ENOMEM, "out of memory");
	}
	if (r < 0)
		json_decref(list);
	else
		*ret = list;
	return r;
}

static int remove_all(struct client *client, const json_t *chosen, bool force)
{
	json_t *sandbox;
	size_t i;
	int status = EXIT_SUCCESS;

	json_array_foreach(chosen, i, sandbox)
	{
		status |= remove_one(client, sandbox, force);
	}
	return status;
}

static int warn_and_remove(struct client *client, const json_t *chosen, bool force, bool ask,
			   struct err *err)
{
	json_t *sandbox;
	size_t i;
	int r;

	json_array_foreach(chosen, i, sandbox)
	{
		(void)removal_warn(client, sandbox);
	}
	r = confirm(chosen, force || !ask, err);
	return r < 0 ? r : remove_all(client, chosen, force);
}

/* ask: false when the older form removes without a question. */
static int remove_sandboxes(const struct invocation *invocation, bool ask, struct err *err)
{
	const struct rm_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	json_t *chosen;
	int r;

	if (options->all == (invocation->count > 0))
		return err_set(err, -EINVAL, "name the sandboxes to remove, or say --all");
	r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	r = collect(&client, invocation, options->all, &chosen, err);
	if (r < 0)
		return r;
	if (json_array_size(chosen) > 0)
		r = warn_and_remove(&client, chosen, options->force, ask, err);
	json_decref(chosen);
	return r;
}

static int run(const struct invocation *invocation, struct err *err)
{
	return remove_sandboxes(invocation, true, err);
}

static int run_older(const struct invocation *invocation, struct err *err)
{
	return remove_sandboxes(invocation, false, err);
}

#define RM_COMMAND(run_function)                                                             \
	{                                                                                    \
		.name = "rm", .alias = "remove",                                             \
		.summary = "Remove sandboxes with all that is on their disks",               \
		.description =                                                               \
			"What they share with this machine stays: only their own disks go.", \
		.arguments = "[SANDBOX...]", .groups = { { .options = rows } },              \
		.values_size = sizeof(struct rm_options), .most = ARGUMENTS_MANY,            \
		.first = COMPLETE_SANDBOX, .rest = COMPLETE_SANDBOX, .run = run_function,    \
	}

const struct command cmd_rm = RM_COMMAND(run);
const struct command cmd_rm_older = RM_COMMAND(run_older);
