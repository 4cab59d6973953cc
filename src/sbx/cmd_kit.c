/* sbx kit: what is said about a kit before anything of it is used. */
#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "kit/kit.h"
#include "kit/resolve.h"
#include "sbx/format.h"
#include "sbx/kit_options.h"
#include "sbx/kit_source.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

struct inspect_options {
	struct format_options format;
	struct kit_options kit;
	bool resolved;
};

static const struct option inspect_rows[] = {
	{ .name = "resolved",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct inspect_options, resolved),
	  .help = "show, as JSON, what a sandbox would get: parents and mixins\n"
		  "put together" },
	{ .name = NULL },
};

/* One kit alone; its own arguments must be right, and no others may be given. */
static int load(const char *reference, const struct kit_options *options, struct kit *ret,
		struct err *err)
{
	autocall(kit_bundle_finish) struct kit_bundle bundle = { .name = NULL };
	struct kit_values values = { .count = 0 };
	struct kit_names names;
	char **items = NULL;
	int r = kit_source_fetch.fetch(NULL, reference, NULL, &bundle, err);

	if (r == 0)
		r = kit_values_read(options, &items, &values.count, err);
	values.items = (const char *const *)items;
	if (r == 0)
		r = kit_parse_bundle(&bundle, &values, ret, err);
	if (r == 0) {
		names = (struct kit_names){ kit_name(ret), bundle.handle };
		for (size_t i = 0; r == 0 && i < values.count; i++)
			if (!arguments_takes(ret->arguments, &names, items[i]))
				r = err_set(err, -EINVAL, "the kit has no argument '%.*s'",
					    (int)strcspn(items[i], "="), items[i]);
		if (r < 0)
			kit_finish(ret);
	}
	kit_values_free(items);
	return r;
}

static int run_validate(const struct invocation *invocation, struct err *err)
{
	struct kit kit;

	if (load(invocation->args[0], invocation->values, &kit, err) < 0) {
		(void)fputs("INVALID: ", stderr);
		(void)terminal_print_safe(stderr, err->text);
		(void)fputc('\n', stderr);
		return EXIT_FAILURE;
	}
	kit_print_warnings(kit.warnings);
	kit_finish(&kit);
	(void)puts("VALID");
	return EXIT_SUCCESS;
}

static void print_line(const char *label, const json_t *kit, const char *key)
{
	if (json_object_get(kit, key) == NULL)
		return;
	(void)printf("%s: ", label);
	(void)terminal_print_safe(stdout, sandbox_text(kit, key));
	(void)putchar('\n');
}

static void print_hosts(const char *label, const json_t *list)
{
	json_t *host;
	size_t i;

	json_array_foreach(list, i, host)
	{
		(void)printf("%s: ", label);
		(void)terminal_print_safe(stdout, json_string_value(host));
		(void)putchar('\n');
	}
}

/* What a person is to know before saying yes. */
static void print_kit(const json_t *kit)
{
	const json_t *network = json_object_get(json_object_get(kit, "permissions"), "network");
	json_t *credential;
	size_t i;

	print_line("Name", kit, "name");
	print_line("Kind", kit, "kind");
	print_line("Version", kit, "version");
	print_line("Description", kit, "description");
	print_line("Image", json_object_get(kit, "sandbox"), "image");
	print_hosts("Allows", json_object_get(network, "allow"));
	print_hosts("Denies", json_object_get(network, "deny"));
	json_array_foreach(json_object_get(kit, "credentials"), i, credential)
		print_line("Credential", credential, "service");
}

static int inspect_resolved(const char *reference, const struct kit_options *options,
			    struct err *err)
{
	autocall(resolved_kit_finish) struct resolved_kit resolved = { .kit = NULL };
	int r = kit_resolve_options(options, reference, &resolved, err);

	if (r < 0)
		return r;
	kit_print_warnings(resolved.warnings);
	return report_json(resolved.kit, err);
}

static int run_inspect(const struct invocation *invocation, struct err *err)
{
	const struct inspect_options *options = invocation->values;
	const char *reference = invocation->args[0];
	struct kit kit;
	int r;

	if (options->resolved)
		return inspect_resolved(reference, &options->kit, err);
	if (options->kit.kits.count > 0)
		return err_set(err, -EINVAL, "--kit goes with --resolved");
	r = load(reference, &options->kit, &kit, err);
	if (r < 0)
		return r;
	kit_print_warnings(kit.warnings);
	if (format_is_json(&options->format))
		r = report_json(kit.spec, err);
	else
		print_kit(kit.spec);
	kit_finish(&kit);
	return r;
}

#define REFERENCE_TEXT \
	"REF is a kit of this program (claude), or a folder (./mykit, ../kit, /kit).\n"

static const struct command validate = {
	.name = "validate",
	.summary = "Check a kit against the grammar",
	.arguments = "REF",
	.description = REFERENCE_TEXT
	"\n"
	"Prints VALID; or, on stderr, INVALID: and where what is wrong, with status 1.",
	.groups = { { .options = kit_argument_rows } },
	.values_size = sizeof(struct kit_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_FOLDER,
	.run = run_validate,
};

static const struct command inspect = {
	.name = "inspect",
	.summary = "Show what a kit holds and asks for",
	.arguments = "REF",
	.description = REFERENCE_TEXT
	"\n"
	"As JSON it is the whole kit in the form of schema version 2, its arguments replaced.",
	.groups = { { .options = inspect_rows },
		    { .options = kit_option_rows, .offset = offsetof(struct inspect_options, kit) },
		    { .options = format_option_rows,
		      .offset = offsetof(struct inspect_options, format) } },
	.values_size = sizeof(struct inspect_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_FOLDER,
	.run = run_inspect,
};

static const struct command *const commands[] = { &validate, &inspect, NULL };

const struct command cmd_kit = {
	.name = "kit",
	.section = "Kits",
	.summary = "Look at kits, which describe agents and additions to them",
	.description = "A kit is a folder with a spec.yaml, schema version 2.",
	.examples = "sbx kit validate ./mykit\tis it well formed?",
	.commands = commands,
};
