#include "sbx/commands.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "sbx/agent.h"
#include "sbx/attach.h"
#include "sbx/client.h"
#include "sbx/clone.h"
#include "sbx/create.h"
#include "sbx/env.h"
#include "sbx/removal.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/workcopy.h"

enum { SESSION_END_MS = 2000, SESSION_POLL_MS = 20 };

struct run_options {
	struct create_options create;
	uint64_t timeout_s;
	const char *detach_keys; /* NULL: not said */
	bool detach, remove;
};

static const struct option rows[] = {
	{ .name = "detach",
	  .letter = 'd',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct run_options, detach),
	  .help = "start it, print its id, and leave it running" },
	{ .name = "detached",
	  .kind = OPTION_FLAG,
	  .hidden = true,
	  .offset = offsetof(struct run_options, detach),
	  .help = "the same as --detach" },
	{ .name = "rm",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct run_options, remove),
	  .help = "remove it when the session ends" },
	{ .name = "timeout",
	  .kind = OPTION_DURATION,
	  .argument = "DURATION",
	  .offset = offsetof(struct run_options, timeout_s),
	  .help = "end the command after this time, like 10m; the status is 124" },
	{ .name = "detach-keys",
	  .kind = OPTION_STRING,
	  .hidden = true,
	  .argument = "KEYS",
	  .offset = offsetof(struct run_options, detach_keys),
	  .help = "has no effect: a command ends with its session" },
	{ .name = NULL },
};

/* What the words before "--" say. */
struct wanted {
	const struct run_options *options;
	const char *name;  /* NULL: found by agent and workspace */
	const char *agent; /* as of agent.h; NULL: not said */
	char *agent_name;  /* owned: that its sandboxes bear */
	const char *const *paths;
	size_t paths_count;
	const char *const *command;	 /* what stands behind "--"; ends with NULL */
	const struct workcopy *workcopy; /* whose the first path is; NULL: none */
	const struct repository *source; /* that is cloned, in place of the first path; NULL */
};

static bool is_path(const char *word)
{
	return strchr(word, '/') != NULL || strcmp(word, ".") == 0 || strcmp(word, "..") == 0;
}

/* `sbx run NAME`, as older versions had it. */
static int take_old_name(struct client *client, const char *word, struct wanted *wanted,
			 struct err *err)
{
	json_t *sandbox;
	int r = sandbox_get(client, word, &sandbox, err);

	if (r == -ENOENT && access(word, F_OK) == 0)
		return err_set(err, -EINVAL,
			       "there is no agent or sandbox '%s'; for the folder write ./%s", word,
			       word);
	if (r == -ENOENT)
		return agent_refuse(word, err);
	if (r < 0)
		return r;
	json_decref(sandbox);
	(void)fprintf(stderr, "WARNING: 'sbx run NAME' is deprecated; use: sbx run --name %s\n",
		      word);
	wanted->name = word;
	return 0;
}

static int understand(struct client *client, const struct invocation *invocation,
		      struct wanted *ret, struct err *err)
{
	const struct run_options *options = invocation->values;
	const char *word = invocation->dashes > 0 ? invocation->args[0] : NULL;
	int r = 0;

	*ret = (struct wanted){ .options = options,
				.name = options->create.name,
				.paths = invocation->args,
				.paths_count = invocation->dashes,
				.command = invocation->args + invocation->dashes };
	if (options->detach && options->remove)
		return err_set(err, -EINVAL, "--rm and --detach exclude each other");
	if (options->detach && *ret->command != NULL)
		return err_set(err, -EINVAL,
			       "--detach takes no command; use: sbx exec -d NAME CMD");
	if (options->detach && options->timeout_s > 0)
		return err_set(err, -EINVAL, "--timeout and --detach exclude each other");
	if (word == NULL || (is_path(word) && !agent_is_available(word)))
		return agent_name(AGENT_DEFAULT, &options->create.kits, &ret->agent_name, err);
	if (agent_is_available(word)) {
		ret->agent = word;
		r = agent_name(word, &options->create.kits, &ret->agent_name, err);
	} else if (ret->name != NULL) {
		return agent_refuse(word, err);
	} else {
		r = take_old_name(client, word, ret, err);
	}
	ret->paths++;
	ret->paths_count--;
	return r;
}

/* The copy of the repository stands in for the folder that was named. */
static int work_on_branch(struct workcopy *workcopy, struct wanted *wanted, struct err *err)
{
	const struct create_options *options = &wanted->options->create;
	int r = workcopy_begin(workcopy, options->branch, wanted->paths, wanted->paths_count,
			       options->quiet, err);

	wanted->paths = workcopy->paths;
	wanted->paths_count = workcopy->paths_count;
	wanted->workcopy = workcopy;
	return r;
}

static int work_on_clone(struct repository *source, struct wanted *wanted, struct err *err)
{
	int r;

	if (wanted->options->create.branch != NULL)
		return err_set(err, -EINVAL, "--clone and --branch exclude each other");
	r = clone_begin(wanted->paths_count > 0 ? wanted->paths[0] : ".", source, err);
	if (r == 0)
		wanted->source = source;
	return r;
}

static bool has_source(const json_t *sandbox, const char *path)
{
	json_t *mount;
	size_t i;

	json_array_foreach(json_object_get(sandbox, "mounts"), i, mount)
	{
		if (strcmp(sandbox_text(mount, "source"), path) == 0)
			return true;
	}
	return false;
}

/* The resolved path of "PATH" or "PATH:ro"; owned by the caller, NULL when there is none. */
static char *resolve(const char *text)
{
	autofree char *path = strdup(text);
	size_t len = strlen(text);

	if (path != NULL && len > 3 && strcmp(path + len - 3, ":ro") == 0)
		path[len - 3] = '\0';
	return path != NULL ? realpath(path, NULL) : NULL;
}

/*
 * The sandbox of this agent and workspace that was used last; *ret is owned by the caller, NULL
 * when there is none. RFC 3339 times in UTC sort as strings.
 */
static int find_by_workspace(struct client *client, const char *agent, const char *workspace,
			     bool is_clone, json_t **ret, struct err *err)
{
	json_t *list, *sandbox, *best = NULL;
	size_t i;
	int r = sandbox_list(client, &list, err);

	if (r < 0)
		return r;
	json_array_foreach(list, i, sandbox)
	{
		const json_t *first = json_array_get(json_object_get(sandbox, "mounts"), 0);

		if (strcmp(sandbox_text(sandbox, "agent"), agent) != 0 ||
		    (*clone_folder_of(sandbox) != '\0') != is_clone ||
		    strcmp(sandbox_text(first, "source"), workspace) != 0)
			continue;
		if (best == NULL || strcmp(sandbox_text(sandbox, "last_used_at"),
					   sandbox_text(best, "last_used_at")) > 0)
			best = sandbox;
	}
	*ret = json_incref(best);
	json_decref(list);
	return 0;
}

/* *ret: the sandbox to come back to, owned by the caller; NULL: one has to be made. */
static int find(struct client *client, const struct wanted *wanted, json_t **ret, struct err *err)
{
	autofree char *workspace = NULL;
	int r;

	*ret = NULL;
	if (wanted->name != NULL) {
		r = sandbox_get(client, wanted->name, ret, err);
		return r == -ENOENT ? 0 : r;
	}
	workspace = wanted->source != NULL
			    ? strdup(wanted->source->top)
			    : resolve(wanted->paths_count > 0 ? wanted->paths[0] : ".");
	if (workspace == NULL)
		return 0; /* making one says what is wrong with it */
	return find_by_workspace(client, wanted->agent_name, workspace, wanted->source != NULL, ret,
				 err);
}

/* What was fixed at creation cannot be asked for again. */
static int check_reattach(const json_t *sandbox, const struct wanted *wanted, struct err *err)
{
	const struct create_options *create = &wanted->options->create;
	const char *name = sandbox_text(sandbox, "name");
	const struct {
		bool given;
		const char *option;
	} fixed[] = { { create->memory > 0, "memory" },
		      { create->cpus > 0, "cpus" },
		      { create->disk > 0, "disk" },
		      { create->docker_disk > 0, "docker-disk" },
		      { create->pids_limit > 0, "pids-limit" },
		      { create->engine != NULL, "engine" },
		      { create->kernel != NULL, "kernel" },
		      { create->template != NULL, "template" },
		      { create->mounts.count > 0, "mount" },
		      { create->fast_dirs.count > 0, "fast-dirs" },
		      { create->policy != NULL, "policy" },
		      { create->deny_network.count > 0, "deny-network" },
		      { create->weak_jail, "allow-weak-jail" },
		      { create->extra_ca != NULL, "extra-ca" },
		      { create->kits.kits.count > 0, "kit" },
		      { create->kits.args.count > 0, "kit-arg" } };

	for (size_t i = 0; i < countof(fixed); i++) {
		if (fixed[i].given)
			return err_set(err, -EINVAL,
				       "--%s can only be used when creating a new sandbox; '%s' "
				       "exists already",
				       fixed[i].option, name);
	}
	if (wanted->agent != NULL &&
	    strcmp(wanted->agent_name, sandbox_text(sandbox, "agent")) != 0)
		return err_set(err, -EINVAL, "sandbox '%s' runs the agent '%s', not '%s'", name,
			       sandbox_text(sandbox, "agent"), wanted->agent_name);
	if (wanted->source != NULL && *clone_folder_of(sandbox) == '\0')
		return err_set(err, -EINVAL,
			       "sandbox '%s' exists and works on the folder itself, not on a clone",
			       name);
	for (size_t i = wanted->source != NULL; i < wanted->paths_count; i++) {
		autofree char *path = resolve(wanted->paths[i]);

		if (path == NULL || !has_source(sandbox, path))
			return err_set(err, -EINVAL,
				       "sandbox '%s' exists and does not share '%s'; add it with: "
				       "sbx mount %s %s",
				       name, wanted->paths[i], name, wanted->paths[i]);
	}
	return 0;
}

static int create(struct client *client, const struct wanted *wanted, json_t **ret, struct err *err)
{
	const struct run_options *options = wanted->options;
	const char *here[1] = { "." };
	bool is_named = wanted->paths_count > 0;
	size_t cloned = wanted->source != NULL; /* of the paths */
	const struct create_request request = {
		.options = &options->create,
		.agent = wanted->agent != NULL ? wanted->agent : AGENT_DEFAULT,
		.paths = (is_named ? wanted->paths : here) + cloned,
		.paths_count = (is_named ? wanted->paths_count : countof(here)) - cloned,
		.keep_alive = options->detach || options->create.keep_alive,
		/* of a branch or clone there is more to be cleared away than the daemon knows of */
		.is_fleeting =
			options->remove && wanted->workcopy == NULL && wanted->source == NULL,
		.reuse = true, /* another run may have made it since find() */
		.workcopy = wanted->workcopy,
		.source = wanted->source,
	};
	int r = create_sandbox(client, &request, ret, err);

	if (r == 0 && !sandbox_existed(*ret) && !options->create.quiet &&
	    isatty(STDERR_FILENO) == 1)
		(void)fprintf(stderr, "✓ Created sandbox %s\n", sandbox_text(*ret, "name"));
	return r;
}

/* As others do it: what is published was said when it was made. */
static void warn_of_ports(const json_t *sandbox)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
		       "--publish has no effect, sandbox '%s' exists already; use: sbx ports %s "
		       "--publish SPEC",
		       sandbox_text(sandbox, "name"), sandbox_text(sandbox, "name"));
	report_warning(text);
}

static int come_back(struct client *client, const struct wanted *wanted, const json_t *sandbox,
		     struct env *env, struct err *err)
{
	const struct create_options *options = &wanted->options->create;
	int r = check_reattach(sandbox, wanted, err);

	if (r == 0 && options->publish.count > 0 && !options->quiet)
		warn_of_ports(sandbox);
	if (r == 0)
		r = env_add(env, &options->env_files, &options->env, err);
	if (r == 0)
		r = sandbox_start(client, sandbox, wanted->options->detach || options->keep_alive,
				  err);
	if (r == 0 && *clone_folder_of(sandbox) != '\0') /* a killed run may have left it half */
		r = clone_fill(client, sandbox, err);
	return r;
}

/* Comes back to a sandbox or makes one; it runs afterwards. */
static int find_or_create(struct client *client, const struct wanted *wanted, struct env *env,
			  json_t **ret, struct err *err)
{
	json_t *sandbox;
	bool existed;
	int r = find(client, wanted, &sandbox, err);

	existed = r == 0 && sandbox != NULL;
	if (r == 0 && !existed) {
		r = create(client, wanted, &sandbox, err);
		existed = r == 0 && sandbox_existed(sandbox);
	}
	if (r < 0)
		return r;
	r = existed ? come_back(client, wanted, sandbox, env, err) : 0;
	if (r < 0)
		json_decref(sandbox);
	else
		*ret = sandbox;
	return r;
}

static int attach(struct client *client, const struct wanted *wanted, const json_t *sandbox,
		  const struct env *env, int *ret_status, struct err *err)
{
	bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
	autofree const char **command = agent_command(sandbox, wanted->command, terminal);
	const struct attach_config config = {
		.sandbox = sandbox,
		.command = command,
		.env = env,
		.interactive = true,
		.terminal = terminal,
		.timeout_s = wanted->options->timeout_s,
	};

	if (command == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (!wanted->options->create.quiet)
		agent_mention_credentials(client, sandbox);
	return attach_run(client, &config, ret_status, err);
}

/*
 * Removes what this session was the last to use. The daemon hears of the session's end a moment
 * after this process, so "in use" may be about ourselves; another session stays it.
 */
static int remove_after_session(struct client *client, const char *name, struct err *err)
{
	uint64_t deadline_ms = clock_now_ms() + SESSION_END_MS;
	int r;

	do {
		r = sandbox_remove(client, name, false, err);
		if (r != -EBUSY)
			return r;
		(void)poll(NULL, 0, SESSION_POLL_MS);
	} while (clock_left_ms(deadline_ms) > 0);
	return r;
}

/* The session's own failure is told first; the status is the command's. */
static int attach_and_remove(struct client *client, const struct wanted *wanted,
			     const json_t *sandbox, const struct env *env, struct err *err)
{
	struct err remove_err = ERR_INIT;
	int status = EXIT_FAILURE;
	int r = attach(client, wanted, sandbox, env, &status, err);

	if (wanted->options->remove &&
	    remove_after_session(client, sandbox_text(sandbox, "name"), &remove_err) < 0) {
		(void)err_wrap(&remove_err, "sandbox '%s' was not removed",
			       sandbox_text(sandbox, "name"));
		report_error(&remove_err);
		status = status == 0 ? EXIT_FAILURE : status;
	} else if (wanted->options->remove) {
		removal_release(sandbox);
	}
	return r < 0 ? r : status;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct run_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autocall(env_finish) struct env env = { .items = NULL };
	autocall(workcopy_finish) struct workcopy workcopy = WORKCOPY_INIT;
	autocall(repository_finish) struct repository source = { .top = NULL };
	struct progress progress;
	struct wanted wanted = { .agent_name = NULL };
	json_t *sandbox = NULL;
	int r = client_init(&client, invocation, err);

	if (r < 0)
		return r;
	if (options->detach_keys != NULL && !options->create.quiet)
		attach_warn_keys();
	progress_init(&progress, options->create.quiet);
	client.progress = &progress;
	client.quiet = options->create.quiet;
	r = understand(&client, invocation, &wanted, err);
	if (r == 0 && options->create.branch != NULL)
		r = work_on_branch(&workcopy, &wanted, err);
	if (r == 0 && options->create.clone)
		r = work_on_clone(&source, &wanted, err);
	if (r == 0)
		r = find_or_create(&client, &wanted, &env, &sandbox, err);
	if (r < 0)
		workcopy_undo(&workcopy);
	else if (options->detach)
		(void)puts(sandbox_text(sandbox, "id"));
	else
		r = attach_and_remove(&client, &wanted, sandbox, &env, err);
	json_decref(sandbox);
	free(wanted.agent_name);
	return r;
}

const struct command cmd_run = {
	.name = "run",
	.section = "Sandboxes",
	.summary = "Run an agent or a shell in a sandbox, made when there is none for this folder",
	.arguments = "[AGENT|KIT] [PATH[:ro]...] [-- ARG...]",
	.description =
		"Without a PATH the current folder is the workspace; it is there at the same "
		"absolute\n"
		"path. The same agent and workspace again come back to the same sandbox, and "
		"--name to\n"
		"the one of that name.\n"
		"\n"
		"AGENT is the kit of an agent (claude, codex, ...) or a reference to one; without "
		"it "
		"a "
		"shell is\n"
		"run. What stands behind -- is added to the agent's own flags if it begins with "
		"'-', and\n"
		"else takes their place: for the shell that is the command to run. Without a "
		"terminal, stdin\n"
		"is passed on. The exit status is that of the command.",
	.examples =
		"sbx run\ta shell on the current folder\n"
		"sbx run claude .\tClaude Code on the current folder\n"
		"sbx run claude -- -p 'fix the tests'\tthe same, one prompt\n"
		"sbx run -- make -j2\tone command on the current folder\n"
		"sbx run --rm shell ~/src ~/lib:ro\tleave nothing behind\n"
		"sbx run --name demo\tcome back to it",
	.groups = { { .options = rows },
		    { .options = create_option_rows,
		      .offset = offsetof(struct run_options, create) },
		    { .options = kit_option_rows,
		      .offset = offsetof(struct run_options, create.kits) } },
	.values_size = sizeof(struct run_options),
	.most = ARGUMENTS_MANY,
	.first = COMPLETE_AGENT,
	.rest = COMPLETE_FILE,
	.run = run,
};
