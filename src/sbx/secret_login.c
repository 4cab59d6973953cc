#include "sbx/secret_login.h"

#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/callback.h"
#include "sbx/client.h"
#include "sbx/hidden.h"
#include "sbx/sandbox.h"
#include "sbx/secrets.h"

extern char **environ;

/* Where this fails the user opens it: the address is on the screen. */
static void open_browser(const char *url)
{
	const char *argv[] = { "xdg-open", url, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	if (isatty(STDIN_FILENO) != 1 ||
	    (getenv("DISPLAY") == NULL && getenv("WAYLAND_DISPLAY") == NULL) ||
	    posix_spawn_file_actions_init(&actions) != 0)
		return;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		(void)posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	(void)posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
}

static void show(const char *service, const char *url)
{
	(void)fprintf(stderr,
		      "To log in to %s, visit this address with a browser of this machine:\n",
		      service);
	(void)fputs("  ", stderr);
	(void)terminal_print_safe(stderr, url);
	(void)fputs("\nWaiting for the browser to come back…\n", stderr);
	(void)fflush(stderr);
}

/* The listener is there before the user is sent away. */
static int await_code(const char *service, const json_t *begun, char **ret_code, struct err *err)
{
	struct callback callback;
	int r = callback_open(sandbox_text(begun, "redirect"), &callback, err);

	if (r < 0)
		return r;
	show(service, sandbox_text(begun, "url"));
	open_browser(sandbox_text(begun, "url"));
	r = callback_wait(&callback, sandbox_text(begun, "state"), ret_code, err);
	callback_close(&callback);
	return r;
}

static int finish(struct client *client, const char *service, const json_t *begun, const char *code,
		  struct err *err)
{
	json_t *body = json_pack("{ss ss}", "state", sandbox_text(begun, "state"), "code", code);
	json_t *answer = NULL;
	int r;

	client->timeout_ms = CLIENT_SLOW_MS;
	r = client_call(client, "POST", "/secret/login/finish", body, &answer, err);
	if (r == 0) {
		(void)printf("Logged in to %s; the tokens stay on this machine\n", service);
		secrets_print_applied(answer);
	}
	json_decref(answer);
	json_decref(body);
	return r;
}

int secret_login(struct client *client, const char *service, struct err *err)
{
	json_t *body = json_pack("{ss}", "name", service), *begun = NULL;
	char *code = NULL;
	int r = client_call(client, "POST", "/secret/login", body, &begun, err);

	if (r == 0)
		r = await_code(service, begun, &code, err);
	if (r == 0)
		r = finish(client, service, begun, code, err);
	hidden_free(code);
	json_decref(begun);
	json_decref(body);
	return r;
}
