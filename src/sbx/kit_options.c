#include "sbx/kit_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"

enum { ARGS_FILE_MAX = 1 << 20 };

#define TARGET(member) .offset = offsetof(struct kit_options, member)

#define ARG_ROWS                                                                  \
	{ .name = "kit-arg",                                                      \
	  .kind = OPTION_LIST,                                                    \
	  .argument = "[KIT.]NAME=VALUE",                                         \
	  TARGET(args),                                                           \
	  .help = "the value of an argument, for every kit that has it or\n"      \
		  "for one; may be repeated" },                                   \
	{                                                                         \
		.name = "kit-args-file", .kind = OPTION_LIST, .argument = "FILE", \
		.complete = COMPLETE_FILE, TARGET(args_files),                    \
		.help = "such values, one a line; --kit-arg wins over it;\n"      \
			"may be repeated"                                         \
	}

const struct option kit_argument_rows[] = { ARG_ROWS, { .name = NULL } };

const struct option kit_option_rows[] = {
	{ .name = "kit",
	  .kind = OPTION_LIST,
	  .argument = "REF",
	  .complete = COMPLETE_FILE,
	  TARGET(kits),
	  .help = "add this mixin (see sbx kit); may be repeated" },
	ARG_ROWS,
	{ .name = "yes",
	  .letter = 'y',
	  .kind = OPTION_FLAG,
	  TARGET(yes),
	  .help = "agree to what the kits ask for" },
	{ .name = NULL },
};

/* A list of owned strings that ends in NULL. */
struct strings {
	char **items;
	size_t count;
};

static int append(struct strings *strings, const char *text, struct err *err)
{
	char **items = reallocarray(strings->items, strings->count + 2, sizeof(*items));
	char *copy = strdup(text);

	if (items != NULL)
		strings->items = items;
	if (items == NULL || copy == NULL) {
		free(copy);
		return err_set(err, -ENOMEM, "out of memory");
	}
	items[strings->count++] = copy;
	items[strings->count] = NULL;
	return 0;
}

static int append_lines(struct strings *strings, char *text, struct err *err)
{
	char *line;
	int r = 0;

	while (r == 0 && (line = strsep(&text, "\n")) != NULL) {
		size_t length = strcspn(line, "\r");

		line[length] = '\0';
		if (line[0] != '\0' && line[0] != '#')
			r = append(strings, line, err);
	}
	return r;
}

static int append_file(struct strings *strings, const char *path, struct err *err)
{
	autocall(buf_finish) struct buf content;
	autofree char *text = NULL;
	const char *whole;
	int r;

	buf_init(&content, ARGS_FILE_MAX);
	r = file_read(AT_FDCWD, path, &content);
	if (r < 0)
		return err_set_errno(err, r, "cannot read the arguments in '%s'", path);
	if (content.len > 0 && memchr(content.data, '\0', content.len) != NULL)
		return err_set(err, -EINVAL, "the arguments in '%s' are no text", path);
	whole = buf_str(&content);
	text = whole != NULL ? strdup(whole) : NULL;
	return text != NULL ? append_lines(strings, text, err)
			    : err_set(err, -ENOMEM, "out of memory");
}

int kit_values_read(const struct kit_options *options, char ***ret, size_t *ret_count,
		    struct err *err)
{
	struct strings strings = { .items = NULL };
	int r = 0;

	for (size_t i = 0; r == 0 && i < options->args_files.count; i++)
		r = append_file(&strings, options->args_files.items[i], err);
	for (size_t i = 0; r == 0 && i < options->args.count; i++)
		r = append(&strings, options->args.items[i], err);
	if (r < 0) {
		kit_values_free(strings.items);
		return r;
	}
	*ret = strings.items;
	*ret_count = strings.count;
	return 0;
}

void kit_values_free(char **values)
{
	for (char **value = values; value != NULL && *value != NULL; value++)
		free(*value);
	free(values);
}
