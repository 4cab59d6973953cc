/* The EXEC request: from its message to a running command, attached or kept. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbx-init/attach.h"
#include "sbx-init/command.h"
#include "sbx-init/control.h"
#include "sbx-init/environ.h"
#include "sbx-init/keep.h"
#include "sbx-init/machine.h"
#include "sbx-init/session.h"
#include "sbx-init/user.h"
#include "wire/guest.h"

static const char default_user[] = "agent";
static const char default_terminal[] = "xterm-256color";

static int build_environ(struct environ *env, const struct session *session,
			 const struct guest_message *request, const struct user *user)
{
	int r = environ_put(env, "PATH", ENVIRON_PATH);

	if (r == 0)
		r = environ_put(env, "HOME", user->home);
	if (r == 0)
		r = environ_put(env, "USER", user->name);
	if (r == 0)
		r = environ_put(env, "LOGNAME", user->name);
	if (r == 0)
		r = environ_put(env, "SHELL", user->shell);
	if (r == 0 && (request->flags & GUEST_FLAG_TTY) != 0)
		r = environ_put(env, "TERM", default_terminal);
	if (r == 0)
		r = environ_add_setup(env, session->places->run);
	return r < 0 ? r : environ_set_all(env, request->env, request->env_count);
}

static int find_user(const struct session *session, const struct guest_message *request,
		     struct err *err, struct user *ret)
{
	const char *spec = request->user == NULL ? default_user : request->user;

	if ((request->flags & GUEST_FLAG_PRIVILEGED) != 0)
		spec = "0";
	return user_find(session->places, spec, err, ret);
}

/*
 * From here on this process is the keeper: it tells pid 1, answers, lets the
 * host go, and stays until the command ends.
 */
static int run_detached(struct session *session, const struct guest_message *request,
			const struct command_config *config, struct err *err)
{
	struct guest_message started = { .type = GUEST_OK };
	char name[KEEP_NAME_MAX + 1];
	struct command command;
	struct keep *keep = NULL;
	int r = keep_create(session->places->keep, request, err, &keep);

	if (r < 0)
		return r;
	r = command_start(config, err, &command);
	if (r < 0) {
		keep_forget(keep);
		keep_destroy(keep);
		return r;
	}
	r = keep_started(keep, command.pid, err);
	if (r == 0)
		r = control_send(session->control, CONTROL_KEEP, -1);
	(void)snprintf(name, sizeof(name), "%s", keep_name(keep));
	started.name = name;
	if (r == 0)
		(void)session_send(session, &started);
	/* Started is started: even without an answer the command goes on. */
	(void)close(session->stream.fd);
	session->stream.fd = -1;
	attach_keep(keep, &command);
	keep_destroy(keep);
	return SESSION_END;
}

static int run_attached(struct session *session, const struct command_config *config,
			struct err *err)
{
	struct command command;
	int r = command_start(config, err, &command);

	if (r < 0)
		return r;
	attach_run(session, &command);
	return SESSION_END;
}

int exec_handle(struct session *session, const struct guest_message *request,
		struct guest_message *answer, struct err *err)
{
	autocall(environ_finish) struct environ env;
	struct user user;
	struct command_config config = { .args = request->args,
					 .cwd = request->cwd,
					 .user = &user,
					 .tty = (request->flags & GUEST_FLAG_TTY) != 0,
					 .rows = request->rows,
					 .columns = request->columns };
	bool detach = (request->flags & GUEST_FLAG_DETACH) != 0;
	int r;

	(void)answer;
	environ_init(&env);
	if (request->args_count == 0 || request->args[0][0] == '\0')
		return err_set(err, -EINVAL, "there is no command to run");
	r = find_user(session, request, err, &user);
	if (r < 0)
		return r;
	r = build_environ(&env, session, request, &user);
	if (r < 0)
		return err_set_errno(err, r, "the command's environment is not usable");
	config.env = env.lines;
	config.has_stdin = !detach && (request->flags & GUEST_FLAG_STDIN) != 0;
	return detach ? run_detached(session, request, &config, err)
		      : run_attached(session, &config, err);
}
