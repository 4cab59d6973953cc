/* sbx kit validate, inspect: what is said about a kit before anything of it is used. */
#include "sbx/cmd_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/asks.h"
#include "kit/resolve.h"
#include "sbx/format.h"
#include "sbx/kit_options.h"
#include "sbx/kit_read.h"
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

static int run_validate(const struct invocation *invocation, struct err *err)
{
	struct kit_read read;

	if (kit_read(invocation->args[0], invocation->values, &read, err) < 0) {
		(void)fputs("INVALID: ", stderr);
		(void)terminal_print_safe(stderr, err->text);
		(void)fputc('\n', stderr);
		return EXIT_FAILURE;
	}
	kit_print_warnings(read.kit.warnings);
	kit_read_finish(&read);
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

static void print_asks(const json_t *spec)
{
	json_t *asks = kit_asks(spec), *ask;
	size_t i;

	json_array_foreach(asks, i, ask)
	{
		(void)fputs(i == 0 ? "Asks for:\n  " : "  ", stdout);
		(void)terminal_print_safe(stdout, json_string_value(ask));
		(void)putchar('\n');
	}
	json_decref(asks);
}

static void print_arguments(const json_t *arguments)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)arguments, name, value)
	{
		(void)fputs("Argument: ", stdout);
		(void)terminal_print_safe(stdout, name);
		(void)fputs("=", stdout);
		(void)terminal_print_safe(stdout, json_string_value(value));
		(void)putchar('\n');
	}
}

/* What a person is to know before saying yes. */
static void print_kit(const struct kit_read *read)
{
	const json_t *spec = read->kit.spec;
	char digest[BUNDLE_DIGEST_SIZE];

	print_line("Name", spec, "name");
	print_line("Kind", spec, "kind");
	print_line("Version", spec, "version");
	print_line("Description", spec, "description");
	print_line("Extends", spec, "extends");
	print_line("Image", json_object_get(spec, "sandbox"), "image");
	if (kit_bundle_digest(&read->bundle, digest, NULL) == 0)
		(void)printf("Digest: %s\n", digest);
	(void)printf("Files: %zu\n", read->bundle.count);
	print_arguments(read->kit.arguments);
	print_asks(spec);
}

static int inspect_resolved(const char *reference, const struct kit_options *options,
			    const struct format_options *format, struct err *err)
{
	autocall(resolved_kit_finish) struct resolved_kit resolved = { .kit = NULL };
	int r = kit_resolve_options(options, reference, &resolved, err);

	if (r < 0)
		return r;
	kit_print_warnings(resolved.warnings);
	return format_print(format, resolved.kit, err);
}

static int run_inspect(const struct invocation *invocation, struct err *err)
{
	const struct inspect_options *options = invocation->values;
	const char *reference = invocation->args[0];
	struct kit_read read;
	int r;

	if (options->resolved)
		return inspect_resolved(reference, &options->kit, &options->format, err);
	if (options->kit.kits.count > 0)
		return err_set(err, -EINVAL, "--kit goes with --resolved");
	r = kit_read(reference, &options->kit, &read, err);
	if (r < 0)
		return r;
	kit_print_warnings(read.kit.warnings);
	if (format_is_document(&options->format))
		r = format_print(&options->format, read.kit.spec, err);
	else
		print_kit(&read);
	kit_read_finish(&read);
	return r;
}

const struct command cmd_kit_validate = {
	.name = "validate",
	.summary = "Check a kit against the grammar",
	.arguments = "REF",
	.description = KIT_REFERENCE_TEXT
	"\n"
	"Prints VALID; or, on stderr, INVALID: and where what is wrong, with status 1.",
	.groups = { { .options = kit_argument_rows } },
	.values_size = sizeof(struct kit_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_AGENT,
	.run = run_validate,
};

const struct command cmd_kit_inspect = {
	.name = "inspect",
	.summary = "Show what a kit holds and asks for",
	.arguments = "REF",
	.description = KIT_REFERENCE_TEXT
	"\n"
	"As JSON it is the whole kit in the form of schema version 2, its arguments replaced.",
	.groups = { { .options = inspect_rows },
		    { .options = kit_option_rows, .offset = offsetof(struct inspect_options, kit) },
		    { .options = format_option_rows,
		      .offset = offsetof(struct inspect_options, format) } },
	.values_size = sizeof(struct inspect_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_AGENT,
	.run = run_inspect,
};
