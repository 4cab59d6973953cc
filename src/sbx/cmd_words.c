/* sbx __words KIND: what completion offers where a name stands that only this machine knows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/registry.h"
#include "git/repository.h"
#include "sbx/agent.h"
#include "sbx/client.h"
#include "sbx/commands.h"
#include "sbx/sandbox.h"
#include "sbx/settings.h"

/* A member of each item of a list of sbxd's. No daemon is started for it: then there is none. */
static int print_listed(const struct invocation *invocation, const char *path, const char *list,
			const char *member, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *answer = NULL, *item;
	size_t i;
	int r = client_init(&client, invocation, err);

	client.keep_absent = true;
	if (r == 0)
		r = client_call(&client, "GET", path, NULL, &answer, err);
	json_array_foreach(json_object_get(answer, list), i, item)(void)
		puts(sandbox_text(item, member));
	json_decref(answer);
	return r == -ECONNREFUSED ? 0 : r;
}

static int print_sandboxes(const struct invocation *invocation, struct err *err)
{
	return print_listed(invocation, "/sandbox", "sandboxes", "name", err);
}

static int print_templates(const struct invocation *invocation, struct err *err)
{
	return print_listed(invocation, "/template", "templates", "reference", err);
}

static int print_services(const struct invocation *invocation, struct err *err)
{
	return print_listed(invocation, "/secret/services", "services", "name", err);
}

static int print_presets(const struct invocation *invocation, struct err *err)
{
	return print_listed(invocation, "/policy/profiles", "profiles", "name", err);
}

static int print_agents(const struct invocation *invocation, struct err *err)
{
	autofree char *names = agent_names("\n");

	(void)invocation;
	if (names == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	(void)puts(names);
	return 0;
}

/* Those of the repository of the current folder, and the sandboxes, which stand for theirs. */
static int print_branches(const struct invocation *invocation, struct err *err)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	struct branches branches = { .count = 0 };

	if (repository_open(".", &repository, err) == 0 &&
	    registry_list(&repository, &branches, err) == 0)
		for (size_t i = 0; i < branches.count; i++)
			(void)puts(branches.items[i].name);
	branches_finish(&branches);
	return print_sandboxes(invocation, err);
}

static int print_settings(const struct invocation *invocation, struct err *err)
{
	(void)invocation;
	(void)err;
	for (const struct setting *row = settings_rows; row->key != NULL; row++)
		(void)puts(row->key);
	return 0;
}

static int run(const struct invocation *invocation, struct err *err)
{
	static const struct {
		const char *kind;
		int (*print)(const struct invocation *, struct err *);
	} rows[] = {
		{ "sandbox", print_sandboxes },	 { "agent", print_agents },
		{ "template", print_templates }, { "branch", print_branches },
		{ "service", print_services },	 { "preset", print_presets },
		{ "setting", print_settings },
	};

	for (size_t i = 0; i < countof(rows); i++)
		if (strcmp(rows[i].kind, invocation->args[0]) == 0)
			return rows[i].print(invocation, err);
	return err_set(err, -EINVAL, "'%s' is no kind of word", invocation->args[0]);
}

const struct command cmd_words = {
	.name = "__words",
	.hidden = true,
	.summary = "Print the words that completion offers, one a line",
	.arguments = "KIND",
	.least = 1,
	.most = 1,
	.run = run,
};
