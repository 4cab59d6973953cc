#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "git/quarantine.h"
#include "sbx/branches.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/format.h"
#include "sbx/sandbox.h"

enum { COLUMNS = 5, COUNT_SIZE = 24 };

/* One branch as JSON; commits is left out where the copy is damaged. */
static json_t *describe(const struct repository *repository, const struct branch *branch,
			const json_t *sandboxes)
{
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	const json_t *sandbox = branch_sandbox(sandboxes, branch);
	json_t *json = json_pack("{s:s, s:s, s:s}", "branch", branch->name, "folder",
				 branch->folder, "base", branch->base);
	struct err damage = ERR_INIT;
	size_t commits;
	int r = quarantine_open(repository, branch, &quarantine, &damage);

	if (r == 0)
		r = quarantine_count(&quarantine, false, &commits, &damage);
	if (r == 0) {
		(void)json_object_set_new(json, "head", json_string(quarantine.tip));
		(void)json_object_set_new(json, "commits", json_integer((json_int_t)commits));
	} else {
		(void)json_object_set_new(json, "damage", json_string(damage.text));
	}
	if (sandbox != NULL) {
		(void)json_object_set(json, "sandbox", json_object_get(sandbox, "name"));
		(void)json_object_set(json, "status", json_object_get(sandbox, "status"));
	}
	return json;
}

static int collect(const struct repository *repository, const json_t *sandboxes, json_t *list,
		   struct err *err)
{
	autocall(branches_finish) struct branches branches = { .count = 0 };
	int r = registry_list(repository, &branches, err);

	for (size_t i = 0; r == 0 && i < branches.count; i++) {
		if (json_array_append_new(list,
					  describe(repository, &branches.items[i], sandboxes)) < 0)
			r = err_set(err, -EINVAL, "the branch '%s' is not UTF-8",
				    branches.items[i].name);
	}
	return r;
}

static const char *or_dash(const char *text)
{
	return *text != '\0' ? text : "-";
}

static int add_row(struct columns *columns, const json_t *branch)
{
	const json_t *commits = json_object_get(branch, "commits");
	char count[COUNT_SIZE] = "?";
	const char *row[COLUMNS] = { sandbox_text(branch, "branch"),
				     or_dash(sandbox_text(branch, "sandbox")),
				     or_dash(sandbox_text(branch, "status")), count,
				     sandbox_text(branch, "folder") };

	if (commits != NULL)
		(void)snprintf(count, sizeof(count), "%lld",
			       (long long)json_integer_value(commits));
	return columns_add(columns, row);
}

static int print_table(const json_t *list, struct err *err)
{
	static const char *const header[COLUMNS] = { "BRANCH", "SANDBOX", "STATUS", "COMMITS",
						     "FOLDER" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	const json_t *branch;
	size_t i;
	int r;

	columns_init(&columns, COLUMNS);
	r = columns_add(&columns, header);
	json_array_foreach(list, i, branch)
	{
		if (r == 0)
			r = add_row(&columns, branch);
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	if (json_array_size(list) == 0 && isatty(STDOUT_FILENO) == 1)
		(void)fputs("No branch yet; make one with: sbx run --branch NAME\n", stderr);
	return 0;
}

static int print_document(const struct format_options *format, json_t *list, struct err *err)
{
	json_t *document = json_pack("{s:O}", "branches", list);
	int r = format_print(format, document, err);

	json_decref(document);
	return r;
}

static int list(const struct invocation *invocation, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autocall(repository_finish) struct repository repository = { .top = NULL };
	json_t *sandboxes, *branches;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = repository_open(".", &repository, err);
	if (r < 0)
		return r;
	sandboxes = branch_sandboxes(&client);
	branches = json_array();
	r = collect(&repository, sandboxes, branches, err);
	if (r == 0 && format_is_document(invocation->values))
		r = print_document(invocation->values, branches, err);
	else if (r == 0)
		r = print_table(branches, err);
	json_decref(branches);
	json_decref(sandboxes);
	return r;
}

static const struct command ls = {
	.name = "ls",
	.alias = "list",
	.summary = "List the branches that sandboxes work on in this repository",
	.description = "COMMITS are those that no branch or tag of yours has.",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct format_options),
	.run = list,
};

static const struct command *const commands[] = {
	&ls, &cmd_branch_diff, &cmd_branch_merge, &cmd_branch_fetch, &cmd_branch_rm, NULL,
};

const struct command cmd_branch = {
	.name = "branch",
	.summary = "See, merge and remove the branches that sandboxes work on",
	.description =
		"With --branch NAME, sbx run and sbx create give the sandbox a copy of your\n"
		"repository, on a branch of its own in the folder .sbx. Your checkout does not "
		"change\n"
		"until you merge. What the sandbox committed is taken by git on this machine "
		"without\n"
		"any hook or filter, whoever configured it.",
	.examples =
		"sbx run --branch fix-42\ta shell on a branch of this repository\n"
		"sbx branch diff fix-42\twhat it changed\n"
		"sbx branch merge fix-42\ttake it",
	.commands = commands,
};
