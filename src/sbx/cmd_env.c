#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/bindings.h"
#include "sbx/client.h"
#include "sbx/environment.h"
#include "sbx/environment_approval.h"
#include "sbx/environment_plan.h"
#include "sbx/environment_run.h"
#include "sbx/exec.h"
#include "sbx/format.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

struct env_options {
	struct environment_options environment;
	struct format_options format; /* of plan */
	bool yes, skip_commands;      /* of create, run and rm */
	bool detach;		      /* of run */
	bool force, prune_bindings;   /* of rm */
	struct exec_options exec;     /* of exec */
};

#define TARGET(member) .offset = offsetof(struct env_options, member)
#define APPROVE_ROWS                                                                      \
	{ .name = "auto-approve",                                                         \
	  .letter = 'y',                                                                  \
	  .kind = OPTION_FLAG,                                                            \
	  TARGET(yes),                                                                    \
	  .help = "agree to what the plan does on this machine" },                        \
	{                                                                                 \
		.name = "skip-host-commands", .kind = OPTION_FLAG, TARGET(skip_commands), \
		.help = "run no command of the files on this machine"                     \
	}

static const struct option create_rows[] = { APPROVE_ROWS, { .name = NULL } };

static const struct option run_rows[] = {
	APPROVE_ROWS,
	{ .name = "detach",
	  .letter = 'd',
	  .kind = OPTION_FLAG,
	  TARGET(detach),
	  .help = "start it, print its id, and leave it running" },
	{ .name = NULL },
};

static const struct option rm_rows[] = {
	APPROVE_ROWS,
	{ .name = "force",
	  .letter = 'f',
	  .kind = OPTION_FLAG,
	  TARGET(force),
	  .help = "do not ask, and remove also what is in use" },
	{ .name = "prune-bindings",
	  .kind = OPTION_FLAG,
	  TARGET(prune_bindings),
	  .help = "forget where keys of the files' services may go, for all kits" },
	{ .name = NULL },
};

/* The environment of the words before "--". */
static int read_env(const struct invocation *invocation, struct environment *ret, struct err *err)
{
	const struct env_options *options = invocation->values;

	return environment_read(&options->environment, invocation->args, invocation->dashes, ret,
				err);
}

/* 1 when the environment's sandbox is there, 0 when not. */
static int exists(struct client *client, const struct environment *environment, struct err *err)
{
	struct err absent = ERR_INIT;
	json_t *sandbox;
	int r = sandbox_get(client, environment->name, &sandbox, &absent);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(err, r, "%s", absent.text);
	json_decref(sandbox);
	return 1;
}

static int print_plan(const struct format_options *format, const json_t *plan,
		      const struct environment *environment, struct err *err)
{
	json_t *document = json_pack("{s:s, s:b, s:O}", "name", environment->name, "approved",
				     environment_is_approved(environment, plan), "steps", plan);
	int r = format_print(format, document, err);

	json_decref(document);
	return r;
}

static int run_plan(const struct invocation *invocation, struct err *err)
{
	const struct env_options *options = invocation->values;
	autocall(environment_finish) struct environment environment = ENVIRONMENT_INIT;
	json_t *plan;
	int r = read_env(invocation, &environment, err);

	if (r == 0)
		r = environment_plan(&environment, options->skip_commands, &plan, err);
	if (r < 0)
		return r;
	if (format_is_document(&options->format)) {
		r = print_plan(&options->format, plan, &environment, err);
	} else {
		environment_plan_print(plan);
		(void)puts(environment_is_approved(&environment, plan)
				   ? "You have agreed to this, or there is nothing to agree to."
				   : "You will be asked before this is done on this machine.");
	}
	json_decref(plan);
	return r;
}

static int approve(const struct env_options *options, const struct environment *environment,
		   struct err *err)
{
	json_t *plan;
	int r = environment_plan(environment, options->skip_commands, &plan, err);

	if (r < 0)
		return r;
	r = environment_approve(environment, plan, options->yes, err);
	json_decref(plan);
	return r;
}

/* The commands of a phase, unless the user does not want any. */
static int commands(const struct env_options *options, const struct environment *environment,
		    const char *phase, struct err *err)
{
	return options->skip_commands ? 0 : environment_commands(environment, phase, err);
}

/* What was made is removed again when its first commands fail: it is not what was asked for. */
static int create_new(struct client *client, const struct env_options *options,
		      const struct environment *environment, struct err *err)
{
	int r = environment_create(client, environment, options->skip_commands, err);

	if (r != 0)
		return r;
	r = commands(options, environment, "postCreate", err);
	if (r < 0)
		environment_undo(client, environment);
	return r;
}

static int run_create(const struct invocation *invocation, struct err *err)
{
	const struct env_options *options = invocation->values;
	autocall(environment_finish) struct environment environment = ENVIRONMENT_INIT;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	int r = read_env(invocation, &environment, err);

	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r == 0)
		r = exists(&client, &environment, err);
	if (r == 1)
		return err_set(err, -EEXIST,
			       "the sandbox '%s' is there; only its variables can change: sbx env "
			       "run, or remove it first: sbx env rm",
			       environment.name);
	if (r == 0)
		r = approve(options, &environment, err);
	if (r == 0)
		r = commands(options, &environment, "initialize", err);
	return r < 0 ? r : create_new(&client, options, &environment, err);
}

static int run_run(const struct invocation *invocation, struct err *err)
{
	const struct env_options *options = invocation->values;
	autocall(environment_finish) struct environment environment = ENVIRONMENT_INIT;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	int r = read_env(invocation, &environment, err), found = 0;

	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r == 0)
		r = found = exists(&client, &environment, err);
	if (r >= 0)
		r = approve(options, &environment, err);
	if (r == 0)
		r = commands(options, &environment, "initialize", err);
	if (r == 0 && found == 0)
		r = create_new(&client, options, &environment, err);
	if (r != 0)
		return r;
	return environment_attach(&environment, options->detach ? "--detach" : NULL,
				  invocation->args + invocation->dashes, err);
}

static int run_exec(const struct invocation *invocation, struct err *err)
{
	const struct env_options *options = invocation->values;
	autocall(environment_finish) struct environment environment = ENVIRONMENT_INIT;
	const char *const *command = invocation->args + invocation->dashes;
	int r = *command == NULL ? err_set(err, -EINVAL, "say the command behind --") : 0;

	if (r == 0)
		r = read_env(invocation, &environment, err);
	return r == 0 ? exec_run(invocation, environment.name, &options->exec, command, err) : r;
}

static int approve_removal(const struct env_options *options, const struct environment *environment,
			   struct err *err)
{
	json_t *plan;
	int r = environment_plan_removal(environment, options->skip_commands,
					 options->prune_bindings, &plan, err);

	if (r < 0)
		return r;
	r = environment_approve(environment, plan, options->yes || options->force, err);
	json_decref(plan);
	return r;
}

static int run_rm(const struct invocation *invocation, struct err *err)
{
	const struct env_options *options = invocation->values;
	autocall(environment_finish) struct environment environment = ENVIRONMENT_INIT;
	struct err why = ERR_INIT;
	int r = read_env(invocation, &environment, err);

	if (r == 0)
		r = approve_removal(options, &environment, err);
	if (r < 0)
		return r;
	const char *words[] = { "sbx", "rm", environment.name, options->force ? "--force" : NULL,
				NULL };

	if (commands(options, &environment, "preRemove", &why) < 0)
		report_warning(why.text);
	r = environment_self(words, NULL, NULL, err);
	if (r == 0)
		environment_forget(&environment);
	if (r == 0 && options->prune_bindings)
		r = bindings_remove(environment_get(&environment, "bindings", NULL), err);
	return r;
}

#define KITS offsetof(struct env_options, environment.kits)
#define ENV_COMMAND(word, rows_, offset_, run_, summary_, arguments_)                \
	{                                                                            \
		.name = word, .summary = summary_, .arguments = arguments_,          \
		.groups = { { .options = environment_option_rows,                    \
			      .offset = offsetof(struct env_options, environment) }, \
			    { .options = kit_argument_rows, .offset = KITS },        \
			    { .options = rows_, .offset = offset_ } },               \
		.values_size = sizeof(struct env_options), .most = ARGUMENTS_MANY,   \
		.first = COMPLETE_FILE, .rest = COMPLETE_FILE, .run = run_,          \
	}

static const struct command env_plan = {
	.name = "plan",
	.summary = "Show what an environment does on this machine",
	.arguments = "[PATH...]",
	.groups = { { .options = environment_option_rows,
		      .offset = offsetof(struct env_options, environment) },
		    { .options = kit_argument_rows, .offset = KITS },
		    { .options = format_option_rows,
		      .offset = offsetof(struct env_options, format) } },
	.values_size = sizeof(struct env_options),
	.most = ARGUMENTS_MANY,
	.first = COMPLETE_FILE,
	.rest = COMPLETE_FILE,
	.run = run_plan,
};

static const struct command env_create = ENV_COMMAND(
	"create", create_rows, 0, run_create, "Make the sandbox of an environment", "[PATH...]");
static const struct command env_run =
	ENV_COMMAND("run", run_rows, 0, run_run,
		    "Open its agent or shell, made when it is not there", "[PATH...] [-- ARG...]");
static const struct command env_exec =
	ENV_COMMAND("exec", exec_option_rows, offsetof(struct env_options, exec), run_exec,
		    "Run a command in its sandbox", "[PATH...] -- CMD [ARG...]");
static const struct command env_rm = ENV_COMMAND(
	"rm", rm_rows, 0, run_rm, "Remove its sandbox, and forget your word on it", "[PATH...]");

static const struct command *const env_commands[] = {
	&env_plan, &env_create, &env_run, &env_exec, &env_rm, NULL,
};

const struct command cmd_env = {
	.name = "env",
	.summary = "Sandboxes that a file describes: sbxenv.yaml",
	.description =
		"Without a PATH the file is the current folder's sbxenv.yaml, over your "
		"~/.sbxenv.yaml.\n"
		"What it does on this machine is shown and asked about once, again when it "
		"changes, "
		"and\n"
		"each time when it runs commands here.",
	.examples =
		"sbx env plan\twhat would be done\n"
		"sbx env run\tits agent or shell\n"
		"sbx env rm\tremove it",
	.commands = env_commands,
};
