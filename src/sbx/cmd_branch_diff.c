#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/command.h"
#include "git/compare.h"
#include "git/quarantine.h"
#include "sbx/branches.h"
#include "sbx/client.h"

struct diff_options {
	bool committed, stat;
};

static const struct option rows[] = {
	{ .name = "committed",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct diff_options, committed),
	  .help = "without what is not committed" },
	{ .name = "stat",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct diff_options, stat),
	  .help = "how many lines of each file, not which" },
	{ .name = NULL },
};

/* Lines of a sandbox on a terminal: tabs stay, all else that could drive it does not. */
static void print_line(char *line)
{
	char *rest = NULL;

	for (char *tab; (tab = strchr(line, '\t')) != NULL; line = rest) {
		*tab = '\0';
		rest = tab + 1;
		(void)terminal_print_safe(stdout, line);
		(void)putchar('\t');
	}
	(void)terminal_print_safe(stdout, line);
	(void)putchar('\n');
}

static int print_safely(const struct quarantine *quarantine, enum compare_form form,
			struct err *err)
{
	autocall(buf_finish) struct buf out;
	char *at, *end;
	int r;

	buf_init(&out, GIT_OUTPUT_MAX);
	r = compare_run(quarantine, form, 0, &out, err);
	if (r < 0)
		return r;
	at = (char *)(uintptr_t)buf_str(&out);
	if (at == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (end = at + out.len; at < end;) {
		char *line = at, *stop = memchr(at, '\n', (size_t)(end - at));

		at = stop == NULL ? end : stop + 1;
		if (stop != NULL)
			*stop = '\0';
		print_line(line);
	}
	return 0;
}

static int print(const struct branch_place *place, const struct diff_options *options,
		 struct err *err)
{
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	enum compare_form form = options->stat ? COMPARE_STAT : COMPARE_PATCH;
	int r = quarantine_open(&place->repository, &place->branch, &quarantine, err);

	if (r == 0)
		r = quarantine_bring(&quarantine, err);
	if (r == 0)
		r = compare_prepare(&quarantine, !options->committed, err);
	if (r < 0)
		return r;
	(void)fflush(stdout);
	return isatty(STDOUT_FILENO) == 1
		       ? print_safely(&quarantine, form, err)
		       : compare_run(&quarantine, form, STDOUT_FILENO, NULL, err);
}

static int run(const struct invocation *invocation, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autocall(branch_place_finish) struct branch_place place = BRANCH_PLACE_INIT;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = branch_place_find(&client, invocation->args[0], &place, err);
	return r < 0 ? r : print(&place, invocation->values, err);
}

const struct command cmd_branch_diff = {
	.name = "diff",
	.summary = "Show what a branch changes",
	.arguments = "BRANCH|SANDBOX",
	.description =
		"Against the commit that it has in common with what you have checked out; with "
		"what\n"
		"is not committed, and without what git ignores.",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct diff_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_BRANCH,
	.run = run,
};
