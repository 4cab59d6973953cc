#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>

#include "app/terminal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/branch.h"
#include "git/loss.h"
#include "sbx/branches.h"
#include "sbx/client.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

struct rm_options {
	bool force;
};

static const struct option rows[] = {
	REPORT_FORCE_ROW(struct rm_options, force),
	{ .name = NULL },
};

/* Asks when something would be lost, or when nobody can tell. */
static int confirm(const struct branch_place *place, bool force, struct err *err)
{
	autocall(buf_finish) struct buf question;
	struct loss loss = { .commits = 0 };
	struct err damage = ERR_INIT;
	const char *name = place->branch.name;
	int r;

	buf_init(&question, 4096);
	if (loss_find(&place->repository, &place->branch, &loss, &damage) < 0) {
		r = buf_printf(&question,
			       "Remove branch '%s', of which nobody can tell what is "
			       "lost (%s)?",
			       name, damage.text);
	} else {
		if (loss.commits == 0 && loss.files == 0)
			return 0;
		r = buf_printf(&question, "Remove branch '%s' with ", name);
		if (r == 0)
			r = loss_describe(&loss, &question);
		if (r == 0)
			r = buf_printf(&question, " that you do not have?");
	}
	if (r < 0 || buf_str(&question) == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	return report_confirm(force, buf_str(&question), err);
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct rm_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autocall(branch_place_finish) struct branch_place place = BRANCH_PLACE_INIT;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = branch_place_find(&client, invocation->args[0], &place, err);
	if (r == 0 && place.sandbox != NULL)
		r = err_set(err, -EBUSY,
			    "the sandbox '%s' works on branch '%s'; remove it first: sbx rm %s",
			    sandbox_text(place.sandbox, "name"), place.branch.name,
			    sandbox_text(place.sandbox, "name"));
	if (r == 0)
		r = confirm(&place, options->force, err);
	if (r == 0)
		r = branch_remove(&place.repository, &place.branch, err);
	if (r < 0)
		return r;
	(void)fputs("Removed branch ", stdout);
	(void)terminal_print_safe(stdout, place.branch.name);
	(void)putchar('\n');
	return 0;
}

const struct command cmd_branch_rm = {
	.name = "rm",
	.alias = "remove",
	.summary = "Remove a branch with its copy of the repository",
	.arguments = "BRANCH",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct rm_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_BRANCH,
	.run = run,
};
