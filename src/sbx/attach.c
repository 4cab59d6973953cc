#include "sbx/attach.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/session.h"
#include "wire/guest.h"

enum { STATUS_CANNOT_RUN = 126, STATUS_NOT_FOUND = 127 };

/* One more variable in front, so that the user's own settings win. */
static char **env_with_terminal(const struct env *env)
{
	char **items = calloc(env->count + 2, sizeof(*items));

	if (items == NULL)
		return NULL;
	items[0] = (char *)(uintptr_t) "TERM=xterm-256color";
	for (size_t i = 0; i < env->count; i++)
		items[i + 1] = env->items[i];
	return items;
}

static struct guest_message make_request(const struct attach_config *config)
{
	struct guest_message request = {
		.type = GUEST_EXEC,
		.args = (char **)(uintptr_t)config->command,
		.env = config->env->items,
		.env_count = config->env->count,
		.cwd = (char *)(uintptr_t)config->folder,
		.user = (char *)(uintptr_t)config->user,
	};

	while (config->command[request.args_count] != NULL)
		request.args_count++;
	if (request.cwd == NULL && sandbox_text(config->sandbox, "workspace")[0] != '\0')
		request.cwd = (char *)(uintptr_t)sandbox_text(config->sandbox, "workspace");
	if (config->interactive)
		request.flags |= GUEST_FLAG_STDIN;
	if (config->privileged)
		request.flags |= GUEST_FLAG_PRIVILEGED;
	if (config->terminal)
		request.flags |= GUEST_FLAG_TTY;
	return request;
}

/* The terminal whose size the command's terminal takes. */
static int find_terminal(void)
{
	static const int candidates[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };

	for (size_t i = 0; i < sizeof(candidates) / sizeof(*candidates); i++) {
		if (isatty(candidates[i]) == 1)
			return candidates[i];
	}
	return -1;
}

/* The guest's refusals that shells have numbers for; others stay errors. */
static int status_of_refusal(int r)
{
	switch (r) {
	case -ENOENT:
		return STATUS_NOT_FOUND;
	case -EACCES:
	case -EPERM:
	case -EISDIR:
	case -ENOEXEC:
		return STATUS_CANNOT_RUN;
	default:
		return -1;
	}
}

static int run_on(int socket, const struct attach_config *config,
		  const struct guest_message *request, int *ret_status, struct err *err)
{
	const struct session_config session = {
		.socket = socket,
		.request = request,
		.in = config->interactive ? STDIN_FILENO : -1,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		/* Without stdin keys are not sent, so ^C must go on making signals. */
		.raw = config->terminal && config->interactive,
		.terminal = config->terminal ? find_terminal() : -1,
		.forward_signals = true,
		.timeout_s = config->timeout_s,
	};
	int r = session_run(&session, ret_status, err);

	if (r < 0 && session.raw) /* what is said of it does not go on the command's line */
		(void)fputc('\n', stderr);
	if (r == 0 && config->timeout_s > 0 && *ret_status == SESSION_TIMED_OUT)
		(void)fprintf(stderr, "WARNING: the command's time of %" PRIu64 " s was up\n",
			      config->timeout_s);
	if (r < 0 && status_of_refusal(r) > 0) {
		report_error(err);
		*ret_status = status_of_refusal(r);
		return 0;
	}
	return r;
}

int attach_run(struct client *client, const struct attach_config *config, int *ret_status,
	       struct err *err)
{
	struct guest_message request = make_request(config);
	autofree char **env = NULL;
	autoclose int socket = -1;
	int r;

	if (config->terminal && config->interactive && isatty(STDIN_FILENO) != 1)
		return err_set(err, -ENOTTY, "stdin is not a terminal; leave out -t");
	if (config->terminal) {
		env = env_with_terminal(config->env);
		if (env == NULL)
			return err_set(err, -ENOMEM, "out of memory");
		request.env = env;
		request.env_count++;
		(void)terminal_size(find_terminal(), &request.rows, &request.columns);
	}
	r = client_attach(client, sandbox_text(config->sandbox, "name"), &socket, err);
	return r < 0 ? r : run_on(socket, config, &request, ret_status, err);
}

void attach_warn_keys(void)
{
	report_warning(
		"--detach-keys has no effect: a command ends with its session; for one that "
		"goes on use sbx exec -d, and sbx logs -f");
}
