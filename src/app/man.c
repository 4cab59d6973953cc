#include "app/man.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "app/options.h"

/*
 * Text as roff takes it literally: a backslash and a hyphen have their own
 * escapes, and a dot or an apostrophe at the start of a line would be a request.
 */
static void print_text(const char *text, size_t len, FILE *to)
{
	if (len > 0 && (*text == '.' || *text == '\''))
		(void)fputs("\\&", to);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			(void)fputs("\\e", to);
		else if (text[i] == '-')
			(void)fputs("\\-", to);
		else
			(void)fputc(text[i], to);
	}
}

static void print_upper(const char *text, FILE *to)
{
	for (; *text != '\0'; text++)
		(void)fputc(toupper((unsigned char)*text), to);
}

static void print_line(const char *text, FILE *to)
{
	print_text(text, strlen(text), to);
	(void)fputc('\n', to);
}

static void print_term(const char *text, size_t len, FILE *to)
{
	(void)fputs(".TP\n.B ", to);
	print_text(text, len, to);
	(void)fputc('\n', to);
}

/* Lines: "term\ttext" is a list item, an empty line begins a paragraph. */
static void print_block(const char *text, FILE *to)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		size_t term = strcspn(text, "\t\n");

		if (len == 0) {
			(void)fputs(".PP\n", to);
		} else {
			size_t start = term < len ? term + 1 : 0;

			if (start > 0)
				print_term(text, term, to);
			print_text(text + start, len - start, to);
			(void)fputc('\n', to);
		}
		text += len + (text[len] == '\n' ? 1 : 0);
	}
}

static void print_option(const struct option *option, FILE *to)
{
	const char *help = option->help;

	(void)fputs(".TP\n", to);
	if (option->letter != 0)
		(void)fprintf(to, "\\fB\\-%c\\fR, ", option->letter);
	(void)fputs("\\fB\\-\\-", to);
	print_text(option->name, strlen(option->name), to);
	(void)fputs("\\fR", to);
	if (option->argument != NULL) {
		(void)fputs(" \\fI", to);
		print_text(option->argument, strlen(option->argument), to);
		(void)fputs("\\fR", to);
	}
	(void)fputc('\n', to);
	while (*help != '\0') {
		size_t len = strcspn(help, "\n");

		print_text(help, len, to);
		(void)fputc('\n', to);
		help += len + (help[len] == '\n' ? 1 : 0);
	}
}

static void print_options(const struct command *command, FILE *to)
{
	command_for_each_option (option, command) {
		if (!option->hidden)
			print_option(option, to);
	}
}

/* ".SH NAME" and what whatis(1) reads: "name \- summary". */
static void print_head(const struct man_config *config, const char *page, const char *summary,
		       FILE *to)
{
	(void)fputs(".TH ", to);
	print_upper(page, to);
	(void)fprintf(to, " 1 \"\" \"%s %s\" \"User Commands\"\n.SH NAME\n", config->root->name,
		      config->version);
	print_text(page, strlen(page), to);
	(void)fputs(" \\- ", to);
	print_line(summary, to);
}

static void print_synopsis(const char *first, const char *second, const struct command *command,
			   FILE *to)
{
	(void)fprintf(to, ".B %s%s%s\n", first, second != NULL ? " " : "",
		      second != NULL ? second : "");
	if (command->commands == NULL)
		(void)fputs("[OPTIONS]\n", to);
	if (command->arguments != NULL)
		print_line(command->arguments, to);
}

static void print_examples(const char *examples, FILE *to)
{
	(void)fputs(".SH EXAMPLES\n", to);
	while (*examples != '\0') {
		size_t len = strcspn(examples, "\n");
		size_t code = strcspn(examples, "\t\n");

		print_term(examples, code, to);
		if (code < len)
			print_text(examples + code + 1, len - code - 1, to);
		(void)fputc('\n', to);
		examples += len + (examples[len] == '\n' ? 1 : 0);
	}
}

static void print_subcommand(const char *parent, const struct command *command, FILE *to)
{
	(void)fputs(".SS ", to);
	print_line(command->name, to);
	print_synopsis(parent, command->name, command, to);
	(void)fputs(".PP\n", to);
	print_line(command->summary, to);
	if (command->description != NULL) {
		(void)fputs(".PP\n", to);
		print_block(command->description, to);
	}
	print_options(command, to);
}

static void print_command_page(const struct man_config *config, const char *page,
			       const struct command *command, FILE *to)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s %s", config->root->name, command->name);
	print_head(config, page, command->summary, to);
	(void)fputs(".SH SYNOPSIS\n", to);
	if (command->commands == NULL)
		print_synopsis(path, NULL, command, to);
	command_for_each (c, command) {
		if (c != command->commands[0])
			(void)fputs(".br\n", to);
		print_synopsis(path, c->name, c, to);
	}
	(void)fputs(".SH DESCRIPTION\n", to);
	print_line(command->summary, to);
	if (command->description != NULL) {
		(void)fputs(".PP\n", to);
		print_block(command->description, to);
	}
	if (command->groups[0].options != NULL) {
		(void)fputs(".SH OPTIONS\n", to);
		print_options(command, to);
	}
	if (command->commands != NULL)
		(void)fputs(".SH COMMANDS\n", to);
	command_for_each (c, command)
		print_subcommand(path, c, to);
	if (command->examples != NULL)
		print_examples(command->examples, to);
	(void)fprintf(to, ".SH SEE ALSO\n.BR %s (1)\n", config->root->name);
}

static void print_see_also(const struct command *root, FILE *to)
{
	bool first = true;

	(void)fputs(".SH SEE ALSO\n", to);
	command_for_each (c, root) {
		if (c->hidden)
			continue;
		(void)fprintf(to, "%s.BR %s\\-%s (1)", first ? "" : ",\n", root->name, c->name);
		first = false;
	}
	(void)fputc('\n', to);
}

static void print_program_page(const struct man_config *config, FILE *to)
{
	const struct command *root = config->root;

	print_head(config, root->name, root->summary, to);
	(void)fprintf(to, ".SH SYNOPSIS\n.B %s\nCOMMAND [OPTIONS] [ARGUMENTS]\n", root->name);
	(void)fputs(".SH DESCRIPTION\n", to);
	if (root->description != NULL)
		print_block(root->description, to);
	(void)fputs(".SH COMMANDS\n", to);
	command_for_each (c, root) {
		if (c->hidden)
			continue;
		(void)fprintf(to, ".TP\n.BR %s\\-%s (1)\n", root->name, c->name);
		print_line(c->summary, to);
	}
	(void)fputs(".SH OPTIONS\n", to);
	for (const struct option *option = global_options; option->name != NULL; option++) {
		if (!option->hidden)
			print_option(option, to);
	}
	for (const struct man_section *s = config->sections; s->title != NULL; s++) {
		(void)fprintf(to, ".SH %s\n", s->title);
		print_block(s->text, to);
	}
	print_see_also(root, to);
}

int man_print(const struct man_config *config, const char *page, FILE *to)
{
	size_t len = strlen(config->root->name);
	const struct command *command;

	if (strncmp(page, config->root->name, len) != 0)
		return -ENOENT;
	if (page[len] == '\0') {
		print_program_page(config, to);
		return 0;
	}
	command = page[len] == '-' ? command_find(config->root, page + len + 1) : NULL;
	if (command == NULL)
		return -ENOENT;
	print_command_page(config, page, command, to);
	return 0;
}
