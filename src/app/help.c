#include "app/help.h"

#include <string.h>

#include "app/options.h"
#include "base/check.h"

enum { LEFT_MAX = 96, PATH_TEXT_MAX = 128 };

struct printer {
	FILE *to;
	int colour;
};

static void print_heading(const struct printer *printer, const char *text)
{
	(void)fprintf(printer->to, printer->colour ? "\n\x1b[1m%s:\x1b[0m\n" : "\n%s:\n", text);
}

/* "-m, --memory SIZE", with room kept for a letter that is not there. */
static int option_left(const struct option *option, char *ret)
{
	char letter[8] = "    ";

	if (option->letter != 0)
		(void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	return snprintf(ret, LEFT_MAX, "%s--%s%s%s", letter, option->name,
			option->argument != NULL ? " " : "",
			option->argument != NULL ? option->argument : "");
}

/* Two columns; lines of the right one after the first are indented. */
static void print_pair(const struct printer *printer, int width, const char *left,
		       const char *right)
{
	size_t len = strcspn(right, "\n");

	(void)fprintf(printer->to, "  %-*s  %.*s\n", width, left, (int)len, right);
	while (right[len] == '\n') {
		right += len + 1;
		len = strcspn(right, "\n");
		(void)fprintf(printer->to, "  %-*s  %.*s\n", width, "", (int)len, right);
	}
}

static void widen(int *width, int wanted)
{
	*width = max_of(*width, wanted);
}

static void print_rows(const struct printer *printer, const struct option *options, int width)
{
	char left[LEFT_MAX];

	for (const struct option *option = options; option->name != NULL; option++) {
		if (option->hidden)
			continue;
		(void)option_left(option, left);
		print_pair(printer, width, left, option->help);
	}
}

static void print_options(const struct printer *printer, const struct command *command)
{
	char left[LEFT_MAX];
	int own = 0, global = 0;

	command_for_each_option (option, command) {
		if (!option->hidden)
			widen(&own, option_left(option, left));
	}
	for (const struct option *option = global_options; option->name != NULL; option++) {
		if (!option->hidden)
			widen(&global, option_left(option, left));
	}
	if (own > 0)
		print_heading(printer, "Options");
	for (size_t i = 0; i < OPTION_GROUPS && command->groups[i].options != NULL; i++)
		print_rows(printer, command->groups[i].options, own);
	print_heading(printer, "Global options");
	print_rows(printer, global_options, max_of(own, global));
}

static void print_commands(const struct printer *printer, const struct command *command)
{
	int width = 0;

	command_for_each (c, command)
		widen(&width, c->hidden ? 0 : (int)strlen(c->name));
	command_for_each (c, command) {
		if (c->section != NULL)
			print_heading(printer, c->section);
		else if (c == command->commands[0])
			print_heading(printer, "Commands");
		if (!c->hidden)
			print_pair(printer, width, c->name, c->summary);
	}
}

static void print_examples(const struct printer *printer, const char *examples)
{
	print_heading(printer, "Examples");
	while (*examples != '\0') {
		size_t len = strcspn(examples, "\n");
		size_t code = strcspn(examples, "\t\n");

		if (code < len)
			(void)fprintf(printer->to, "  # %.*s\n", (int)(len - code - 1),
				      examples + code + 1);
		(void)fprintf(printer->to, "  %.*s\n", (int)code, examples);
		examples += len + (examples[len] == '\n' ? 1 : 0);
	}
}

void help_print(const struct invocation *invocation, FILE *to, int colour)
{
	const struct command *command = invocation->command;
	const struct printer printer = { .to = to, .colour = colour };
	char path[PATH_TEXT_MAX];

	command_path(invocation, path, sizeof(path));
	(void)fprintf(to, "Usage:  %s%s%s%s\n\n%s.\n", path,
		      command->commands != NULL ? " COMMAND" : " [OPTIONS]",
		      command->arguments != NULL ? " " : "",
		      command->arguments != NULL ? command->arguments : "", command->summary);
	if (command->description != NULL)
		(void)fprintf(to, "\n%s\n", command->description);
	if (command->alias != NULL)
		(void)fprintf(to, "\nAlso called: %s\n", command->alias);
	if (command->commands != NULL)
		print_commands(&printer, command);
	if (command->examples != NULL)
		print_examples(&printer, command->examples);
	print_options(&printer, command);
	if (command->commands != NULL)
		(void)fprintf(to, "\nMore on a command: %s COMMAND --help\n", path);
}
