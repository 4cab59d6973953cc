#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/attach.h"
#include "sbx/client.h"
#include "sbx/env.h"
#include "sbx/exec.h"
#include "sbx/sandbox.h"

#define TARGET(member) .offset = offsetof(struct exec_options, member)

const struct option exec_option_rows[] = {
	{ .name = "interactive",
	  .letter = 'i',
	  .kind = OPTION_FLAG,
	  TARGET(interactive),
	  .help = "pass stdin on" },
	{ .name = "tty",
	  .letter = 't',
	  .kind = OPTION_FLAG,
	  TARGET(terminal),
	  .help = "give the command a terminal" },
	{ .name = "detach",
	  .letter = 'd',
	  .kind = OPTION_FLAG,
	  TARGET(detach),
	  .help = "print an id and leave the command running; 'sbx logs' shows\nits output" },
	{ .name = "user",
	  .letter = 'u',
	  .kind = OPTION_STRING,
	  .argument = "USER[:GROUP]",
	  TARGET(user),
	  .help = "run as this user (default: agent)" },
	{ .name = "workdir",
	  .letter = 'w',
	  .kind = OPTION_STRING,
	  .argument = "DIR",
	  TARGET(folder),
	  .help = "run in this folder (default: the workspace)" },
	{ .name = "env",
	  .letter = 'e',
	  .kind = OPTION_LIST,
	  .argument = "K[=V]",
	  TARGET(env),
	  .help = "set a variable; without =V take it from here; may be repeated" },
	{ .name = "env-file",
	  .kind = OPTION_LIST,
	  .argument = "FILE",
	  .complete = COMPLETE_FILE,
	  TARGET(env_files),
	  .help = "set the variables of a file; -e wins over it; may be repeated" },
	{ .name = "privileged", .kind = OPTION_FLAG, TARGET(privileged), .help = "run as root" },
	{ .name = "timeout",
	  .kind = OPTION_DURATION,
	  .argument = "DURATION",
	  .offset = offsetof(struct exec_options, timeout_s),
	  .help = "end the command after this time, like 10m; the status is 124" },
	{ .name = "detach-keys",
	  .kind = OPTION_STRING,
	  .hidden = true,
	  .argument = "KEYS",
	  TARGET(detach_keys),
	  .help = "has no effect: a command ends with its session" },
	{ .name = NULL },
};

/* The command behind SANDBOX; "--" in front of it is allowed. */
static const char *const *find_command(const struct invocation *invocation)
{
	const char *const *command = invocation->args + 1;

	return *command != NULL && strcmp(*command, "--") == 0 ? command + 1 : command;
}

static json_t *strings(const char *const *items)
{
	json_t *array = json_array();

	for (; array != NULL && items != NULL && *items != NULL; items++) {
		if (json_array_append_new(array, json_string(*items)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static int exec_detached(struct client *client, const json_t *sandbox,
			 const struct exec_options *options, const char *const *command,
			 const struct env *env, struct err *err)
{
	autofree char *path = client_path(sandbox_text(sandbox, "name"), "/exec");
	json_t *body, *answer;
	int r;

	body = json_pack("{s:o, s:o, s:s*, s:s*, s:b, s:b}", "cmd", strings(command), "env",
			 strings((const char *const *)env->items), "user", options->user,
			 "working_dir", options->folder, "privileged", options->privileged, "tty",
			 options->terminal);
	if (body == NULL || path == NULL)
		r = err_set(err, -EINVAL, "the command is not UTF-8");
	else
		r = client_call(client, "POST", path, body, &answer, err);
	json_decref(body);
	if (r < 0)
		return r;
	(void)puts(sandbox_text(answer, "id"));
	json_decref(answer);
	return 0;
}

static int exec_attached(struct client *client, const json_t *sandbox,
			 const struct exec_options *options, const char *const *command,
			 const struct env *env, struct err *err)
{
	const struct attach_config config = {
		.sandbox = sandbox,
		.command = command,
		.env = env,
		.folder = options->folder,
		.user = options->user,
		.interactive = options->interactive,
		.terminal = options->terminal,
		.privileged = options->privileged,
		.timeout_s = options->timeout_s,
	};
	int status;
	int r = attach_run(client, &config, &status, err);

	return r < 0 ? r : status;
}

static int exec_in(struct client *client, const json_t *sandbox, const struct exec_options *options,
		   const char *const *command, struct err *err)
{
	autocall(env_finish) struct env env = { .items = NULL };
	int r = env_add(&env, &options->env_files, &options->env, err);

	if (r == 0)
		r = sandbox_start(client, sandbox, false, err);
	if (r < 0)
		return r;
	return (options->detach ? exec_detached : exec_attached)(client, sandbox, options, command,
								 &env, err);
}

int exec_run(const struct invocation *invocation, const char *name,
	     const struct exec_options *options, const char *const *command, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	json_t *sandbox;
	int r;

	if (options->detach && options->timeout_s > 0)
		return err_set(err, -EINVAL, "--timeout and --detach exclude each other");
	r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	if (options->detach_keys != NULL)
		attach_warn_keys();
	progress_init(&progress, false);
	client.progress = &progress;
	r = sandbox_get(&client, name, &sandbox, err);
	if (r < 0)
		return r;
	r = exec_in(&client, sandbox, options, command, err);
	json_decref(sandbox);
	return r;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const char *const *command = find_command(invocation);

	if (*command == NULL)
		return err_set(err, -EINVAL, "there is no command to run in '%s'",
			       invocation->args[0]);
	return exec_run(invocation, invocation->args[0], invocation->values, command, err);
}

const struct command cmd_exec = {
	.name = "exec",
	.summary = "Run a command in a sandbox",
	.arguments = "SANDBOX [--] CMD [ARG...]",
	.description =
		"A stopped sandbox is started. The command is not run by a shell; its exit status "
		"is\n"
		"the status of sbx, 128 plus the number of a signal that ended it, 127 when there "
		"is\n"
		"no such command, and 126 when it cannot be run.",
	.examples =
		"sbx exec demo ls -l\tone command\n"
		"sbx exec -it demo bash\ta further shell\n"
		"sbx exec -d demo make\tgo on without a terminal; 'sbx logs -f demo' shows it",
	.groups = { { .options = exec_option_rows } },
	.values_size = sizeof(struct exec_options),
	.least = 2,
	.most = ARGUMENTS_MANY,
	.raw_after_first = true,
	.first = COMPLETE_SANDBOX,
	.rest = COMPLETE_FILE,
	.run = run,
};
