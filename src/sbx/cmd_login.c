/* sbx login and logout: there is no account, so a login is the choice of a policy. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/commands.h"
#include "sbx/policy.h"

static int choose(struct client *client, const char *preset, struct err *err)
{
	int r = 0;

	if (preset == NULL)
		r = policy_ask_preset(&preset, err);
	if (r == 0 && preset == NULL)
		r = err_set(err, -ECANCELED, "no policy was chosen");
	if (r == 0)
		r = policy_choose(client, preset, err);
	if (r == 0)
		(void)printf("Default policy set: %s\n", preset);
	return r;
}

static int run_login(const struct invocation *invocation, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	const char *preset = invocation->count > 0 ? invocation->args[0] : NULL;
	json_t *policy;
	bool initialized;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = policy_get(&client, NULL, &policy, err);
	if (r < 0)
		return r;
	initialized = json_is_true(json_object_get(policy, "initialized"));
	json_decref(policy);
	if (!initialized || preset != NULL)
		r = choose(&client, preset, err);
	if (r == 0)
		(void)puts("There is no account to log in to: sbx works without one.");
	return r;
}

/* Scripts that log in elsewhere go on here; nothing is read and nothing kept. */
struct account_options {
	const char *username;
	bool password_stdin, yes;
};

static const struct option login_rows[] = {
	{ .name = "username",
	  .letter = 'u',
	  .kind = OPTION_STRING,
	  .hidden = true,
	  .argument = "USER",
	  .offset = offsetof(struct account_options, username),
	  .help = "ignored" },
	{ .name = "password-stdin",
	  .kind = OPTION_FLAG,
	  .hidden = true,
	  .offset = offsetof(struct account_options, password_stdin),
	  .help = "ignored" },
	{ .name = NULL },
};

static const struct option logout_rows[] = {
	{ .name = "yes",
	  .letter = 'y',
	  .kind = OPTION_FLAG,
	  .hidden = true,
	  .offset = offsetof(struct account_options, yes),
	  .help = "ignored" },
	{ .name = NULL },
};

const struct command cmd_login = {
	.name = "login",
	.summary = "Choose the network policy; there is no account",
	.arguments = "[PRESET]",
	.description = "The same as sbx policy init, once. Nothing is sent anywhere.",
	.groups = { { .options = login_rows } },
	.values_size = sizeof(struct account_options),
	.most = 1,
	.first = COMPLETE_PRESET,
	.run = run_login,
};

static int run_logout(const struct invocation *invocation, struct err *err)
{
	(void)invocation;
	(void)err;
	(void)puts("There is no account to log out of. To forget the policy: sbx policy reset");
	return 0;
}

const struct command cmd_logout = {
	.name = "logout",
	.summary = "Say that there is no account",
	.groups = { { .options = logout_rows } },
	.values_size = sizeof(struct account_options),
	.run = run_logout,
};
