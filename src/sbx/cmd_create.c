#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/agent.h"
#include "sbx/client.h"
#include "sbx/clone.h"
#include "sbx/create.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/workcopy.h"

static void print_line(const char *name, const char *value)
{
	(void)printf("%-9s  ", name);
	(void)terminal_print_safe(stdout, value);
	(void)putchar('\n');
}

static void print_workspaces(const json_t *sandbox)
{
	const json_t *mounts = json_object_get(sandbox, "mounts");
	json_t *mount;
	size_t i;

	if (json_array_size(mounts) == 0)
		print_line("workspace", "none · no workspace bind mount");
	json_array_foreach(mounts, i, mount)
	{
		const char *source = sandbox_text(mount, "source");
		const char *target = sandbox_text(mount, "target");
		bool remapped = strcmp(source, target) != 0;

		(void)printf("%-9s  ", i == 0 ? "workspace" : "mount");
		(void)terminal_print_safe(stdout, source);
		if (remapped)
			(void)fputs(" -> ", stdout);
		(void)terminal_print_safe(stdout, remapped ? target : "");
		(void)puts(json_is_true(json_object_get(mount, "read_only")) ? " (ro)" : " (rw)");
	}
}

static void print_created(const json_t *sandbox)
{
	const char *name = sandbox_text(sandbox, "name");
	char memory[32];

	report_size((uint64_t)json_integer_value(json_object_get(sandbox, "memory")), memory,
		    sizeof(memory));
	print_line("sandbox", name);
	print_line("agent", sandbox_text(sandbox, "agent"));
	print_workspaces(sandbox);
	print_line("image", sandbox_text(sandbox, "template"));
	print_line("engine", sandbox_text(sandbox, "engine"));
	(void)printf("%-9s  %lld\n", "cpu",
		     (long long)json_integer_value(json_object_get(sandbox, "cpus")));
	print_line("memory", memory);
	(void)printf(
		"\n✓ Created sandbox %s\n\nTo connect to this sandbox, run:\n"
		"  sbx run --name %s\n",
		name, name);
}

static int work_on_branch(struct workcopy *workcopy, struct create_request *request,
			  struct err *err)
{
	const struct create_options *options = request->options;
	int r = workcopy_begin(workcopy, options->branch, request->paths, request->paths_count,
			       options->quiet, err);

	request->paths = workcopy->paths;
	request->paths_count = workcopy->paths_count;
	request->workcopy = workcopy;
	return r;
}

static int work_on_clone(struct repository *source, struct create_request *request, struct err *err)
{
	int r;

	if (request->options->branch != NULL)
		return err_set(err, -EINVAL, "--clone and --branch exclude each other");
	r = clone_begin(request->paths_count > 0 ? request->paths[0] : ".", source, err);
	if (r < 0)
		return r;
	request->source = source;
	if (request->paths_count > 0) {
		request->paths++;
		request->paths_count--;
	}
	return 0;
}

/* request: all but the options, which are those of the values. */
static int create_and_print(const struct invocation *invocation, struct create_request *request,
			    struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autocall(workcopy_finish) struct workcopy workcopy = WORKCOPY_INIT;
	struct progress progress;
	json_t *sandbox;
	autocall(repository_finish) struct repository source = { .top = NULL };
	int r = client_init(&client, invocation, err);

	if (r == 0 && request->options->branch != NULL)
		r = work_on_branch(&workcopy, request, err);
	if (r == 0 && request->options->clone)
		r = work_on_clone(&source, request, err);
	if (r < 0)
		return r;
	progress_init(&progress, request->options->quiet);
	client.progress = &progress;
	client.quiet = request->options->quiet;
	request->keep_alive = request->options->keep_alive;
	r = create_sandbox(&client, request, &sandbox, err);
	if (r < 0)
		workcopy_undo(&workcopy);
	if (r < 0)
		return r;
	if (request->options->quiet)
		(void)puts(sandbox_text(sandbox, "name"));
	else
		print_created(sandbox);
	json_decref(sandbox);
	return 0;
}

static int run(const struct invocation *invocation, struct err *err)
{
	struct create_request request = { .options = invocation->values,
					  .agent = invocation->args[0],
					  .paths = invocation->args + 1,
					  .paths_count = invocation->count - 1 };

	if (!agent_is_available(request.agent))
		return agent_refuse(request.agent, err);
	return create_and_print(invocation, &request, err);
}

const struct command cmd_create = {
	.name = "create",
	.summary = "Create a sandbox without attaching to it",
	.arguments = "AGENT [PATH[:ro]...]",
	.description =
		"The first PATH is the workspace: commands start in it, and it is there at the "
		"same\n"
		"absolute path. More paths are shared as well; ':ro' shares read-only, and a file "
		"may be\n"
		"shared alone. Without a PATH nothing of this machine is shared.\n"
		"\n"
		"The sandbox is started, and stops by itself when nothing has run in it for 30 "
		"seconds.",
	.examples =
		"sbx create --name demo shell ~/src ~/lib:ro\ta workspace and a read-only folder\n"
		"sbx create --mount ~/data:/data shell ~/src\ta folder at another place inside",
	.groups = { { .options = create_option_rows },
		    { .options = kit_option_rows,
		      .offset = offsetof(struct create_options, kits) } },
	.values_size = sizeof(struct create_options),
	.least = 1,
	.most = ARGUMENTS_MANY,
	.first = COMPLETE_AGENT,
	.rest = COMPLETE_FILE,
	.run = run,
};

/* docker-sandbox create --name N --workspace P */
struct older_options {
	struct create_options create;
	const char *workspace;
};

static const struct option older_rows[] = {
	{ .name = "workspace",
	  .kind = OPTION_STRING,
	  .argument = "PATH",
	  .complete = COMPLETE_FOLDER,
	  .offset = offsetof(struct older_options, workspace),
	  .help = "the folder that is shared (default: the current one)" },
	{ .name = NULL },
};

static int run_older(const struct invocation *invocation, struct err *err)
{
	const struct older_options *options = invocation->values;
	const char *paths[1] = { options->workspace != NULL ? options->workspace : "." };
	struct create_request request = { .options = &options->create,
					  .agent = AGENT_DEFAULT,
					  .paths = paths,
					  .paths_count = 1 };

	return create_and_print(invocation, &request, err);
}

const struct command cmd_create_older = {
	.name = "create",
	.summary = "Create a sandbox without attaching to it",
	.groups = { { .options = older_rows }, { .options = create_option_rows } },
	.values_size = sizeof(struct older_options),
	.run = run_older,
};
