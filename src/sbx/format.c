#include "sbx/format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "sbx/report.h"
#include "sbx/yamlout.h"

static const char *const formats[] = { "table", "json", "yaml", NULL };

const struct option format_option_rows[] = {
	{ .name = "format",
	  .kind = OPTION_STRING,
	  .argument = "FORMAT",
	  .choices = formats,
	  .offset = offsetof(struct format_options, format),
	  .help = "table, json or yaml (default: table)" },
	{ .name = "output",
	  .letter = 'o',
	  .kind = OPTION_STRING,
	  .argument = "FORMAT",
	  .choices = formats,
	  .offset = offsetof(struct format_options, format),
	  .help = "the same as --format" },
	{ .name = "json",
	  .kind = OPTION_PRESET,
	  .preset = "json",
	  .offset = offsetof(struct format_options, format),
	  .help = "the same as --format json" },
	{ .name = NULL },
};

static bool is_format(const struct format_options *options, const char *name)
{
	return options->format != NULL && strcmp(options->format, name) == 0;
}

bool format_is_document(const struct format_options *options)
{
	return is_format(options, "json") || is_format(options, "yaml");
}

int format_print(const struct format_options *options, const json_t *document, struct err *err)
{
	if (!is_format(options, "yaml"))
		return report_json(document, err);
	if (yamlout_print(document, stdout) < 0)
		return err_set(err, -EIO, "cannot write the answer as YAML");
	return 0;
}
