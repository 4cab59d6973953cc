/* sbx kit: what is said about a kit before anything of it is used. */
#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/terminal.h"
#include "base/err.h"
#include "kit/kit.h"
#include "sbx/format.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

struct kit_options {
	struct format_options format;
	struct option_list args;
};

static const struct option kit_rows[] = {
	{ .name = "kit-arg",
	  .kind = OPTION_LIST,
	  .argument = "NAME=VALUE",
	  .offset = offsetof(struct kit_options, args),
	  .help = "the value of an argument of the kit" },
	{ .name = NULL },
};

static int load(const struct invocation *invocation, json_t **ret, struct err *err)
{
	const struct kit_options *options = invocation->values;
	const struct kit_values values = { options->args.items, options->args.count };

	return kit_load(invocation->args[0], &values, ret, err);
}

static int run_validate(const struct invocation *invocation, struct err *err)
{
	json_t *kit;

	if (load(invocation, &kit, err) < 0) {
		(void)fputs("INVALID: ", stderr);
		(void)terminal_print_safe(stderr, err->text);
		(void)fputc('\n', stderr);
		return EXIT_FAILURE;
	}
	json_decref(kit);
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

static int run_inspect(const struct invocation *invocation, struct err *err)
{
	const struct kit_options *options = invocation->values;
	json_t *kit;
	int r = load(invocation, &kit, err);

	if (r < 0)
		return r;
	if (format_is_json(&options->format))
		r = report_json(kit, err);
	else
		print_kit(kit);
	json_decref(kit);
	return r;
}

static const struct command validate = {
	.name = "validate",
	.summary = "Check a kit against the grammar",
	.arguments = "DIR",
	.description =
		"Prints VALID; or, on stderr, INVALID: and where what is wrong, with status 1.",
	.groups = { { .options = kit_rows } },
	.values_size = sizeof(struct kit_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_FOLDER,
	.run = run_validate,
};

static const struct command inspect = {
	.name = "inspect",
	.summary = "Show what a kit holds and asks for",
	.arguments = "DIR",
	.description = "As JSON it is the whole kit, its arguments replaced.",
	.groups = { { .options = kit_rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct kit_options, format) } },
	.values_size = sizeof(struct kit_options),
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
