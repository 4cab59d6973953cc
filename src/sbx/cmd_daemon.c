#include "sbx/commands.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/process.h"
#include "sbx/client.h"
#include "sbx/daemon.h"
#include "sbx/format.h"
#include "sbx/policy.h"
#include "sbx/sandbox.h"

enum { STOP_TIMEOUT_MS = 60000 };

struct start_options {
	bool detach;
	const char *policy; /* NULL: not said */
};

static const char *const policies[] = { "open",	     "balanced", "locked-down",
					"allow-all", "deny-all", NULL };

static const struct option start_rows[] = {
	{ .name = "detach",
	  .letter = 'd',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct start_options, detach),
	  .help = "run in the background and come back when it answers" },
	{ .name = "policy",
	  .kind = OPTION_STRING,
	  .argument = "PRESET",
	  .choices = policies,
	  .offset = offsetof(struct start_options, policy),
	  .help = "network policy of sandboxes, unless one was chosen before" },
	{ .name = NULL },
};

struct stop_options {
	bool sandboxes;
};

static const struct option stop_rows[] = {
	{ .name = "stop-sandboxes",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct stop_options, sandboxes),
	  .help = "stop every sandbox first; else they go on" },
	{ .name = NULL },
};

/* The health of a daemon that runs: 0, -ECONNREFUSED when there is none. */
static int ask_health(const struct invocation *invocation, json_t **ret, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	int r = client_init(&client, invocation, err);

	client.keep_absent = true;
	return r < 0 ? r : client_call(&client, "GET", "/daemon/health", NULL, ret, err);
}

static int choose_policy(const struct invocation *invocation, const char *preset, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	int r = client_init(&client, invocation, err);

	return r < 0 ? r : policy_choose_first(&client, preset, err);
}

static int run_start(const struct invocation *invocation, struct err *err)
{
	const struct start_options *options = invocation->values;
	json_t *health;
	int r = ask_health(invocation, &health, err);

	if (r == 0) {
		(void)printf("The daemon runs already (PID: %lld)\n",
			     (long long)json_integer_value(json_object_get(health, "pid")));
		json_decref(health);
		return options->policy != NULL ? choose_policy(invocation, options->policy, err)
					       : 0;
	}
	if (r != -ECONNREFUSED)
		return r;
	return options->detach ? daemon_start(false, options->policy, err)
			       : daemon_become(options->policy, err);
}

/* Waits until the process is gone. */
static int wait_gone(pid_t pid, struct err *err)
{
	struct process_id id;
	autoclose int pidfd = -1;
	struct pollfd poll_fd = { .events = POLLIN };

	if (process_identify(pid, &id) < 0 || process_open(&id, &pidfd) < 0)
		return 0;
	poll_fd.fd = pidfd;
	if (poll(&poll_fd, 1, STOP_TIMEOUT_MS) == 1)
		return 0;
	return err_set(err, -ETIMEDOUT, "the daemon (PID %d) did not end within %d s", (int)pid,
		       STOP_TIMEOUT_MS / 1000);
}

/* Stops a daemon that runs; *ret_ran tells whether there was one. */
static int stop_daemon(const struct invocation *invocation, bool sandboxes, bool *ret_ran,
		       struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *health, *body;
	pid_t pid;
	int r = ask_health(invocation, &health, err);

	*ret_ran = r != -ECONNREFUSED;
	if (r < 0)
		return *ret_ran ? r : 0;
	pid = (pid_t)json_integer_value(json_object_get(health, "pid"));
	json_decref(health);
	r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	client.keep_absent = true;
	client.timeout_ms = CLIENT_SLOW_MS;
	body = json_pack("{s:s}", "sandboxes", sandboxes ? "stop" : "keep");
	r = client_call(&client, "POST", "/daemon/stop", body, NULL, err);
	json_decref(body);
	return r < 0 ? r : wait_gone(pid, err);
}

static int run_stop(const struct invocation *invocation, struct err *err)
{
	const struct stop_options *options = invocation->values;
	bool ran;
	int r = stop_daemon(invocation, options->sandboxes, &ran, err);

	if (r == 0)
		(void)puts(ran ? "Daemon stopped" : "The daemon is not running");
	return r;
}

static int run_restart(const struct invocation *invocation, struct err *err)
{
	const struct stop_options *options = invocation->values;
	bool ran;
	int r = stop_daemon(invocation, options->sandboxes, &ran, err);

	return r < 0 ? r : daemon_start(false, NULL, err);
}

static int print_status(const struct format_options *format, const json_t *health, struct err *err)
{
	autofree char *socket = daemon_socket_path();
	autofree char *log = daemon_log_path();
	const char *status = health != NULL ? "running" : "stopped";
	json_t *document;
	int r = 0;

	if (format_is_document(format)) {
		document = json_pack("{s:s, s:s*, s:s*, s:O*, s:O*}", "status", status, "socket",
				     socket, "logs", log, "pid", json_object_get(health, "pid"),
				     "version", json_object_get(health, "version"));
		r = format_print(format, document, err);
		json_decref(document);
		return r;
	}
	(void)printf("Status: %s\n", status);
	(void)printf("Socket: %s\n", socket != NULL ? socket : "unknown");
	(void)printf("Logs: %s\n", log != NULL ? log : "unknown");
	if (health != NULL)
		(void)printf("PID: %lld\n",
			     (long long)json_integer_value(json_object_get(health, "pid")));
	return 0;
}

static int run_status(const struct invocation *invocation, struct err *err)
{
	json_t *health = NULL;
	bool runs;
	int r = ask_health(invocation, &health, err);

	if (r < 0 && r != -ECONNREFUSED)
		return r;
	runs = health != NULL;
	r = print_status(invocation->values, health, err);
	json_decref(health);
	if (r < 0)
		return r;
	return runs ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* "set WHAT LEVEL"; what the log of sandboxes' own programs says does not change. */
static int check_log_level(const struct invocation *invocation, struct err *err)
{
	const char *what = invocation->count == 3 ? invocation->args[1] : "";

	if (invocation->count != 3 || strcmp(invocation->args[0], "set") != 0)
		return err_set(err, -EINVAL,
			       "write it like: sbx daemon log-level set general debug");
	if (strcmp(what, "proxy") == 0)
		return err_set(err, -ENOTSUP,
			       "the log of a sandbox's proxy has one level; use general, and see "
			       "sbx policy log");
	if (strcmp(what, "general") != 0 && strcmp(what, "all") != 0)
		return err_set(err, -EINVAL, "'%s' is neither general nor all", what);
	return 0;
}

static int run_log_level(const struct invocation *invocation, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	bool is_set = invocation->count > 0;
	json_t *body = NULL, *answer;
	int r = is_set ? check_log_level(invocation, err) : 0;

	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	if (is_set)
		body = json_pack("{s:s}", "level", invocation->args[2]);
	r = is_set && body == NULL
		    ? err_set(err, -EINVAL, "a level is error, warning, info or debug")
		    : client_call(&client, is_set ? "POST" : "GET",
				  is_set ? "/daemon/loglevel/set" : "/daemon/loglevel", body,
				  &answer, err);
	json_decref(body);
	if (r < 0)
		return r;
	(void)printf("general: %s\n", sandbox_text(answer, "level"));
	json_decref(answer);
	return 0;
}

static const struct command log_level = {
	.name = "log-level",
	.summary = "Show or change how much the daemon writes into its log",
	.arguments = "[set general|all LEVEL]",
	.description =
		"LEVEL is error, warning, info or debug, and lasts until the daemon ends. Programs "
		"of\n"
		"sandboxes have logs of their own, which do not change.",
	.examples = "sbx daemon log-level set general debug",
	.most = 3,
	.run = run_log_level,
};

static const struct command start = {
	.name = "start",
	.summary = "Start the daemon",
	.description = "Commands do this by themselves when they need it.",
	.groups = { { .options = start_rows } },
	.values_size = sizeof(struct start_options),
	.run = run_start,
};

static const struct command stop = {
	.name = "stop",
	.summary = "Stop the daemon; sandboxes go on",
	.description = "The next command starts it again, and it takes the sandboxes back.",
	.groups = { { .options = stop_rows } },
	.values_size = sizeof(struct stop_options),
	.run = run_stop,
};

static const struct command restart = {
	.name = "restart",
	.summary = "Stop the daemon and start it again; sandboxes go on",
	.groups = { { .options = stop_rows } },
	.values_size = sizeof(struct stop_options),
	.run = run_restart,
};

static const struct command status = {
	.name = "status",
	.summary = "Show whether the daemon runs, and where",
	.description = "The exit status is 1 when it does not run.",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct format_options),
	.run = run_status,
};

static const struct command *const commands[] = {
	&start, &stop, &restart, &status, &log_level, NULL
};

const struct command cmd_daemon = {
	.name = "daemon",
	.section = "Management",
	.summary = "Start, stop and look at the daemon",
	.commands = commands,
};
