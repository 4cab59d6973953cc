#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "git/quarantine.h"
#include "git/review.h"
#include "sbx/branches.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/format.h"

enum { COLUMNS = 4 };

struct review_options {
	struct format_options format;
	const char *since; /* NULL: what both sides have */
};

static const struct option rows[] = {
	{ .name = "since",
	  .kind = OPTION_STRING,
	  .argument = "COMMIT",
	  .offset = offsetof(struct review_options, since),
	  .help = "review what is different from this commit" },
	{ .name = NULL },
};

static int print_table(const struct findings *findings, struct err *err)
{
	static const char *const header[COLUMNS] = { "KIND", "CHANGE", "FILE", "RUN BY" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	int r;

	columns_init(&columns, COLUMNS);
	r = columns_add(&columns, header);
	for (size_t i = 0; r == 0 && i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		const char status[2] = { finding->status, '\0' };
		const char *row[COLUMNS] = { finding->kind, status, finding->path, finding->runs };

		r = columns_add(&columns, row);
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	if (findings->count > 0)
		columns_print(&columns, stdout);
	else
		(void)fputs("Nothing in the change is run by a tool of this machine by itself.\n",
			    stdout);
	if (findings->left_out > 0)
		(void)fprintf(stderr,
			      "WARNING: %zu more files or folders were not looked at: too many, "
			      "too deep, or locked\n",
			      findings->left_out);
	return 0;
}

/* A path that is not UTF-8 cannot be in JSON; it is told by "?" for each such byte. */
static json_t *text_of(const char *path)
{
	json_t *text = json_string(path);
	char *copy;

	if (text != NULL)
		return text;
	copy = strdup(path);
	for (char *at = copy; at != NULL && *at != '\0'; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	text = json_string(copy != NULL ? copy : "?");
	free(copy);
	return text;
}

static int print_document(const struct format_options *format, const struct findings *findings,
			  struct err *err)
{
	json_t *list = json_array(), *document;
	int r;

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		const char status[2] = { finding->status, '\0' };

		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:s}", "kind",
							    finding->kind, "change", status, "path",
							    text_of(finding->path), "run_by",
							    finding->runs));
	}
	document = json_pack("{s:o, s:I}", "findings", list, "left_out",
			     (json_int_t)findings->left_out);
	r = format_print(format, document, err);
	json_decref(document);
	return r;
}

static int review(const struct branch_place *place, const struct review_options *options,
		  struct err *err)
{
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	autocall(findings_finish) struct findings findings = { .count = 0 };
	autofree char *since = NULL;
	int r = options->since == NULL
			? 0
			: repository_resolve(&place->repository, options->since, &since, err);

	if (r == 0)
		r = quarantine_open(&place->repository, &place->branch, &quarantine, err);
	if (r == 0)
		r = quarantine_bring(&quarantine, err);
	quarantine.since = since;
	if (r == 0)
		r = review_branch(&quarantine, &findings, err);
	if (r < 0)
		return r;
	return format_is_document(&options->format)
		       ? print_document(&options->format, &findings, err)
		       : print_table(&findings, err);
}

static int run(const struct invocation *invocation, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autocall(branch_place_finish) struct branch_place place = BRANCH_PLACE_INIT;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = branch_place_of_work(&client, invocation->args[0], &place, err);
	return r < 0 ? r : review(&place, invocation->values, err);
}

const struct command cmd_review = {
	.name = "review",
	.summary = "List what of a branch would run on this machine",
	.arguments = "BRANCH|SANDBOX",
	.description =
		"Files of the change that git, a shell, an editor, a build, a CI or an agent takes "
		"as\n"
		"commands or settings; programs, links and submodules; and repositories nested in "
		"its\n"
		"files. Look at them before you open, build or push what came back. Where a "
		"sandbox "
		"works\n"
		"on the folder itself, the change is what is not committed there, or what came "
		"--since.",
	.groups = { { .options = rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct review_options, format) } },
	.values_size = sizeof(struct review_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_BRANCH,
	.run = run,
};
