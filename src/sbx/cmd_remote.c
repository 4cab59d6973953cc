/*
 * git-remote-sbx, which git runs for URLs sbx://SANDBOX: a remote helper with the one
 * ability "connect" (gitremote-helpers(7)). It reads a command a line until git asks
 * for a service; from then on standard input and output are that service's, in the
 * sandbox. Only git-upload-pack is offered: commits are fetched from a sandbox, and
 * brought there by its own git.
 */
#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbx/attach.h"
#include "sbx/client.h"
#include "sbx/clone.h"
#include "sbx/sandbox.h"

enum { LINE_MAX_BYTES = 1024 };

/* A line without its end; byte by byte, because what follows is not ours. 0 at the end. */
static int read_line(char line[LINE_MAX_BYTES], struct err *err)
{
	for (size_t len = 0; len < LINE_MAX_BYTES; len++) {
		ssize_t n = fd_read_full(STDIN_FILENO, line + len, 1);

		if (n < 0)
			return err_set_errno(err, (int)n, "cannot read from git");
		if (n == 0)
			return 0;
		if (line[len] == '\n') {
			line[len] = '\0';
			return 1;
		}
	}
	return err_set(err, -EPROTO, "git says what git does not say");
}

static int answer(const char *text, struct err *err)
{
	int r = fd_write_full(STDOUT_FILENO, text, strlen(text));

	return r < 0 ? err_set_errno(err, r, "cannot write to git") : 0;
}

/* 1 when git-upload-pack is asked for, 0 when git is at its end. */
static int negotiate(struct err *err)
{
	char line[LINE_MAX_BYTES];
	int r;

	while ((r = read_line(line, err)) > 0) {
		if (strcmp(line, "capabilities") == 0)
			r = answer("connect\n\n", err);
		else if (strcmp(line, "connect git-upload-pack") == 0)
			return answer("\n", err) < 0 ? err->code : 1;
		else if (strcmp(line, "connect git-receive-pack") == 0)
			return err_set(err, -EROFS,
				       "nothing is pushed to a sandbox; let its git fetch from "
				       "the remote 'source'");
		else if (*line != '\0')
			return err_set(err, -EPROTO, "git asks for '%s'", line);
		if (r < 0)
			return r;
	}
	return r;
}

static int serve(struct client *client, const json_t *sandbox, struct err *err)
{
	const char *command[] = { "git-upload-pack", clone_folder_of(sandbox), NULL };
	const struct env env = { .items = NULL };
	const struct attach_config config = { .sandbox = sandbox,
					      .command = command,
					      .env = &env,
					      .folder = "/",
					      .interactive = true };
	int status = 0;
	int r = sandbox_start(client, sandbox, false, err);

	if (r == 0)
		r = negotiate(err);
	if (r <= 0)
		return r;
	r = attach_run(client, &config, &status, err);
	return r < 0 ? r : status;
}

static int run(const struct invocation *invocation, struct err *err)
{
	static const char scheme[] = "sbx://";
	autocall(client_finish) struct client client = { .socket_path = NULL };
	const char *url = invocation->args[1];
	json_t *sandbox = NULL;
	int r = client_init(&client, invocation, err);

	if (r == 0 && strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		r = err_set(err, -EINVAL, "'%s' is no sbx://SANDBOX", url);
	if (r == 0)
		r = sandbox_get(&client, url + sizeof(scheme) - 1, &sandbox, err);
	if (r == 0 && *clone_folder_of(sandbox) == '\0')
		r = err_set(err, -EINVAL, "the sandbox '%s' has no clone to fetch from",
			    sandbox_text(sandbox, "name"));
	if (r == 0)
		r = serve(&client, sandbox, err);
	json_decref(sandbox);
	return r;
}

const struct command remote_root = {
	.name = "git-remote-sbx",
	.summary = "Lets git fetch from a sandbox that has a clone; run by git",
	.arguments = "REMOTE URL",
	.least = 2,
	.most = 2,
	.run = run,
};
