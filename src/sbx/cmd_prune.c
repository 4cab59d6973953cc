#include "sbx/commands.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"
#include "sbx/client.h"
#include "sbx/format.h"
#include "sbx/removal.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

struct prune_options {
	struct format_options format;
	bool dry_run, force;
	struct option_list filters;
};

static const struct option rows[] = {
	{ .name = "filter",
	  .kind = OPTION_LIST,
	  .argument = "until=TIME",
	  .offset = offsetof(struct prune_options, filters),
	  .help = "only those stopped before: a span like 24h, an RFC 3339 time,\n"
		  "or seconds since 1970; since=SPAN is the older form" },
	{ .name = "dry-run",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct prune_options, dry_run),
	  .help = "show what would be removed" },
	REPORT_FORCE_ROW(struct prune_options, force),
	{ .name = NULL },
};

/* Later than any time that a filter can say. */
static const time_t unfiltered = INT64_MAX;

/* "2026-01-02T03:04:05Z", and what may stand between the seconds and the Z. */
static bool parse_time(const char *text, time_t *ret)
{
	struct tm tm = { .tm_year = 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (end == NULL)
		return false;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (strcmp(end, "Z") != 0)
		return false;
	*ret = timegm(&tm);
	return true;
}

/* What is so long ago, as seconds since 1970. */
static bool parse_span(const char *text, time_t *ret)
{
	uint64_t seconds;

	if (parse_duration(text, &seconds) < 0 || seconds > (uint64_t)time(NULL))
		return false;
	*ret = time(NULL) - (time_t)seconds;
	return true;
}

/* The filter as seconds since 1970. A plain number is a time, one with a unit a span. */
static int parse_filter(const char *text, time_t *ret, struct err *err)
{
	static const char until[] = "until=", since[] = "since=";
	const char *value = text + sizeof(until) - 1;
	uint64_t number;

	if (strncmp(text, since, sizeof(since) - 1) == 0)
		return parse_span(value, ret)
			       ? 0
			       : err_set(err, -EINVAL, "'%s' is no span like 24h", value);
	if (strncmp(text, until, sizeof(until) - 1) != 0)
		return err_set(err, -EINVAL, "the filter is until=TIME, not '%s'", text);
	if (parse_u64(value, INT64_MAX - 1, &number) == 0)
		*ret = (time_t)number;
	else if (!parse_span(value, ret) && !parse_time(value, ret))
		return err_set(err, -EINVAL,
			       "'%s' is no time: write a span like 24h, 2026-01-02T03:04:05Z, or "
			       "seconds since 1970",
			       value);
	return 0;
}

static int parse_filters(const struct option_list *filters, time_t *ret, struct err *err)
{
	int r = 0;

	*ret = unfiltered;
	for (size_t i = 0; r == 0 && i < filters->count; i++) {
		time_t until = 0;

		r = parse_filter(filters->items[i], &until, err);
		if (r == 0 && until < *ret)
			*ret = until;
	}
	return r;
}

/* What is shown of a sandbox that goes; NULL without memory. */
static json_t *describe(const json_t *sandbox)
{
	return json_pack("{s:s, s:s, s:s*, s:o}", "name", sandbox_text(sandbox, "name"), "agent",
			 sandbox_text(sandbox, "agent"), "stopped_at",
			 json_string_value(json_object_get(sandbox, "stopped_at")), "workspaces",
			 sandbox_workspaces(sandbox));
}

/* Sorts the stopped ones into those that go and, by a filter, those whose stop time is not known.
 */
static int choose(const json_t *list, time_t until, json_t *chosen, json_t *unknown,
		  struct err *err)
{
	json_t *sandbox;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, sandbox)
	{
		time_t stopped = 0;

		if (strcmp(sandbox_text(sandbox, "status"), "stopped") != 0)
			continue;
		if (!parse_time(sandbox_text(sandbox, "stopped_at"), &stopped) &&
		    until != unfiltered)
			r |= json_array_append_new(unknown, describe(sandbox));
		else if (stopped < until)
			r |= json_array_append_new(chosen, describe(sandbox));
	}
	return r == 0 ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* It may have been started since it was listed. */
static int remove_stopped(struct client *client, const char *name, struct err *err)
{
	json_t *sandbox;
	bool stopped;
	int r = sandbox_get(client, name, &sandbox, err);

	if (r < 0)
		return r;
	stopped = strcmp(sandbox_text(sandbox, "status"), "stopped") == 0;
	r = stopped ? removal_remove(client, sandbox, false, err)
		    : err_set(err, -EBUSY, "sandbox '%s' was started again; it is kept", name);
	json_decref(sandbox);
	return r;
}

/* Who looks into a clone starts its sandbox: it is stopped again, so that it is as it was. */
static void warn_of_clones(struct client *client, const json_t *list, const json_t *chosen)
{
	json_t *sandbox, *named;
	size_t i, j;

	json_array_foreach(list, i, sandbox)
	{
		const char *name = sandbox_text(sandbox, "name");
		struct err ignored = ERR_INIT;

		json_array_foreach(chosen, j, named)
		{
			if (strcmp(sandbox_text(named, "name"), name) == 0 &&
			    removal_warn(client, sandbox))
				(void)sandbox_stop(client, name, SANDBOX_STOP_DEFAULT, &ignored);
		}
	}
}

/* Leaves in chosen those that went. */
static int remove_chosen(struct client *client, json_t *chosen, bool silent)
{
	int status = EXIT_SUCCESS;
	size_t i = 0;

	while (i < json_array_size(chosen)) {
		const char *name = sandbox_text(json_array_get(chosen, i), "name");
		struct err err = ERR_INIT;

		progress_step(client->progress, "Removing");
		if (remove_stopped(client, name, &err) < 0) {
			report_error(&err);
			(void)json_array_remove(chosen, i);
			status = EXIT_FAILURE;
			continue;
		}
		if (!silent)
			(void)printf("Sandbox '%s' removed\n", name);
		i++;
	}
	return status;
}

static void print_names(const char *title, const json_t *list)
{
	json_t *sandbox;
	size_t i;

	json_array_foreach(list, i, sandbox)
	{
		(void)printf("%s %s\n", title, sandbox_text(sandbox, "name"));
	}
}

static int confirm(const json_t *chosen, bool force, struct err *err)
{
	char question[96];

	if (!force)
		print_names("Stopped:", chosen);
	(void)fflush(stdout);
	(void)snprintf(question, sizeof(question), "Remove %zu stopped sandbox(es)?",
		       json_array_size(chosen));
	return report_confirm(force, question, err);
}

static int prune(struct client *client, const struct prune_options *options, const json_t *list,
		 json_t *chosen, const json_t *unknown, struct err *err)
{
	bool silent = format_is_document(&options->format);
	json_t *document;
	int r = 0;

	if (!options->dry_run && json_array_size(chosen) > 0) {
		warn_of_clones(client, list, chosen);
		r = confirm(chosen, options->force, err);
		if (r == 0)
			r = remove_chosen(client, chosen, silent);
		if (r < 0)
			return r;
	}
	if (silent) {
		document = json_pack("{s:O, s:O}", options->dry_run ? "would_remove" : "removed",
				     chosen, "skipped_unknown_stop", unknown);
		r = format_print(&options->format, document, err) < 0 ? -EIO : r;
		json_decref(document);
	} else if (r == 0 && json_array_size(chosen) == 0) {
		(void)puts("No stopped sandbox to remove");
	} else if (options->dry_run) {
		print_names("Would remove", chosen);
	}
	return r;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct prune_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	json_t *list, *chosen, *unknown;
	time_t until;
	int r = parse_filters(&options->filters, &until, err);

	if (r == 0)
		r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	r = sandbox_list(&client, &list, err);
	if (r < 0)
		return r;
	chosen = json_array();
	unknown = json_array();
	r = choose(list, until, chosen, unknown, err);
	if (r == 0)
		r = prune(&client, options, list, chosen, unknown, err);
	json_decref(list);
	json_decref(chosen);
	json_decref(unknown);
	return r;
}

const struct command cmd_prune = {
	.name = "prune",
	.summary = "Remove stopped sandboxes",
	.examples = "sbx prune --filter until=24h\twhat was stopped more than a day ago",
	.groups = { { .options = rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct prune_options, format) } },
	.values_size = sizeof(struct prune_options),
	.run = run,
};
