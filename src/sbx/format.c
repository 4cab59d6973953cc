#include "sbx/format.h"

#include <string.h>

static const char *const formats[] = { "table", "json", NULL };

const struct option format_option_rows[] = {
	{ .name = "format",
	  .kind = OPTION_STRING,
	  .argument = "FORMAT",
	  .choices = formats,
	  .offset = offsetof(struct format_options, format),
	  .help = "table or json (default: table)" },
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

bool format_is_json(const struct format_options *options)
{
	return options->format != NULL && strcmp(options->format, "json") == 0;
}
