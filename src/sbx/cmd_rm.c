#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/terminal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/clone.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/workcopy.h"

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

static int remove_one(struct client *client, const char *name, bool force)
{
	struct err err = ERR_INIT;
	json_t *sandbox = NULL;
	int r;

	(void)printf("Deleting sandbox %s...\n", name);
	(void)fflush(stdout);
	progress_step(client->progress, "Removing");
	r = sandbox_get(client, name, &sandbox, &err);
	if (r == 0)
		r = sandbox_remove(client, name, force, &err);
	if (r < 0) {
		report_error(&err);
	} else {
		(void)printf("Sandbox '%s' removed\n", name);
		(void)fflush(stdout);
		workcopy_release(sandbox);
		clone_release(sandbox);
	}
	json_decref(sandbox);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* "Remove the sandboxes 'a', 'b' with all that is on their disks?" */
static int confirm(const json_t *names, bool force, struct err *err)
{
	autocall(buf_finish) struct buf question;
	const char *text;
	json_t *name;
	size_t i;
	int r = 0;

	buf_init(&question, 1 << 20);
	json_array_foreach(names, i, name)
	{
		r |= buf_printf(&question, "%s'%s'", i == 0 ? "Remove sandbox " : ", ",
				json_string_value(name));
	}
	r |= buf_printf(&question, " and all that is on its disks?");
	text = r == 0 ? buf_str(&question) : NULL;
	return text != NULL ? report_confirm(force, text, err)
			    : err_set(err, -ENOMEM, "out of memory");
}

/* What is to be removed, an array of names; a name that does not exist is an error before any
 * question. */
static int collect(struct client *client, const struct invocation *invocation, bool all,
		   json_t *names, struct err *err)
{
	json_t *list, *sandbox;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < invocation->count; i++) {
		r = sandbox_get(client, invocation->args[i], &sandbox, err);
		if (r < 0)
			return r;
		r = json_array_append(names, json_object_get(sandbox, "name"));
		json_decref(sandbox);
	}
	if (!all)
		return r;
	r = sandbox_list(client, &list, err);
	if (r < 0)
		return r;
	json_array_foreach(list, i, sandbox)
	{
		r |= json_array_append(names, json_object_get(sandbox, "name"));
	}
	json_decref(list);
	return r == 0 ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* Tells what clones hold that nobody has fetched. That it cannot be found out stops nobody. */
static void warn_of_clones(struct client *client, const json_t *names)
{
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		autocall(buf_finish) struct buf text;
		struct err err = ERR_INIT;
		json_t *sandbox;

		buf_init(&text, 4096);
		if (sandbox_get(client, json_string_value(name), &sandbox, &err) < 0)
			continue;
		if (clone_warn(client, sandbox, &text, &err) != 0) {
			buf_clear(&text);
			(void)buf_printf(&text, "what the clone in '%s' holds is not known: %s",
					 json_string_value(name), err.text);
		}
		if (text.len > 0 && buf_str(&text) != NULL)
			report_warning(buf_str(&text));
		json_decref(sandbox);
	}
}

static int remove_all(struct client *client, const json_t *names, bool force)
{
	json_t *name;
	size_t i;
	int status = EXIT_SUCCESS;

	json_array_foreach(names, i, name)
	{
		status |= remove_one(client, json_string_value(name), force);
	}
	return status;
}

/* ask: false when the older form removes without a question. */
static int remove_sandboxes(const struct invocation *invocation, bool ask, struct err *err)
{
	const struct rm_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	json_t *names;
	int r;

	if (options->all == (invocation->count > 0))
		return err_set(err, -EINVAL, "name the sandboxes to remove, or say --all");
	r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	names = json_array();
	r = collect(&client, invocation, options->all, names, err);
	if (r == 0 && json_array_size(names) > 0) {
		warn_of_clones(&client, names);
		r = confirm(names, options->force || !ask, err);
		if (r == 0)
			r = remove_all(&client, names, options->force);
	}
	json_decref(names);
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
