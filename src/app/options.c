#include "app/options.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/nearest.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"

enum { PATH_TEXT_MAX = 128, CHOICES_TEXT_MAX = 256, NAME_TEXT_MAX = 64 };

const struct option global_options[] = {
	{ .name = "debug",
	  .letter = 'D',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct global_options, debug),
	  .help = "show what is said between sbx and its daemon" },
	{ .name = "help",
	  .letter = 'h',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct global_options, help),
	  .help = "show this help" },
	{ .name = "cloud",
	  .kind = OPTION_FLAG,
	  .hidden = true,
	  .offset = offsetof(struct global_options, cloud),
	  .help = "refused: sandboxes are of this machine" },
	{ .name = "app-name",
	  .kind = OPTION_STRING,
	  .hidden = true,
	  .argument = "ID",
	  .offset = offsetof(struct global_options, app_name),
	  .help = "work with another instance, as SBX_APP_NAME does" },
	{ .name = NULL },
};

/* Where the parser stands. */
struct parser {
	struct invocation *invocation;
	char **argv; /* what is left, ended by NULL */
	struct err *err;
};

/* An option row and where its value goes. */
struct target {
	const struct option *option;
	char *value;
};

bool option_has_argument(const struct option *option)
{
	return option->kind != OPTION_FLAG && option->kind != OPTION_PRESET;
}

void command_path(const struct invocation *invocation, char *ret, size_t size)
{
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < invocation->depth && len < size; i++) {
		int n = snprintf(ret + len, size - len, "%s%s", i > 0 ? " " : "",
				 invocation->path[i]->name);

		if (n < 0)
			return;
		len += (size_t)n;
	}
}

const struct command *command_find(const struct command *parent, const char *name)
{
	command_for_each (c, parent) {
		if (strcmp(c->name, name) == 0 || (c->alias != NULL && strcmp(c->alias, name) == 0))
			return c;
	}
	return NULL;
}

static bool is_called(const struct option *option, const char *name, size_t len, char letter)
{
	if (name == NULL)
		return option->letter == letter;
	return strlen(option->name) == len && memcmp(option->name, name, len) == 0;
}

/* Finds an option by name (len bytes) or, when name is NULL, by letter. */
static bool find_option(const struct parser *parser, const char *name, size_t len, char letter,
			struct target *ret)
{
	struct invocation *invocation = parser->invocation;

	command_for_each_option (option, invocation->command) {
		if (is_called(option, name, len, letter)) {
			*ret = (struct target){ option, (char *)invocation->values +
								group_->offset + option->offset };
			return true;
		}
	}
	for (const struct option *option = global_options; option->name != NULL; option++) {
		if (is_called(option, name, len, letter)) {
			*ret = (struct target){ option,
						(char *)&invocation->globals + option->offset };
			return true;
		}
	}
	return false;
}

static int fail_unknown_option(const struct parser *parser, const char *name, size_t len)
{
	char path[PATH_TEXT_MAX], typed[64];
	struct nearest nearest;

	(void)snprintf(typed, sizeof(typed), "%.*s", (int)len, name);
	nearest = nearest_begin(typed);
	command_for_each_option (option, parser->invocation->command) {
		if (!option->hidden)
			nearest_offer(&nearest, option->name);
	}
	for (const struct option *option = global_options; option->name != NULL; option++) {
		if (!option->hidden)
			nearest_offer(&nearest, option->name);
	}
	command_path(parser->invocation, path, sizeof(path));
	if (nearest.best == NULL)
		return err_set(parser->err, -EINVAL, "'%s' has no option '--%s'", path, typed);
	return err_set(parser->err, -EINVAL, "'%s' has no option '--%s'; did you mean '--%s'?",
		       path, typed, nearest.best);
}

static int fail_unknown_command(const struct parser *parser, const char *name)
{
	const struct command *parent = parser->invocation->command;
	struct nearest nearest = nearest_begin(name);
	char path[PATH_TEXT_MAX];

	command_for_each (c, parent) {
		if (!c->hidden)
			nearest_offer(&nearest, c->name);
	}
	command_path(parser->invocation, path, sizeof(path));
	if (nearest.best == NULL)
		return err_set(parser->err, -EINVAL, "'%s' has no command '%s'", path, name);
	return err_set(parser->err, -EINVAL, "'%s' has no command '%s'; did you mean '%s'?", path,
		       name, nearest.best);
}

static int list_add(struct option_list *list, const char *item)
{
	const char **items = reallocarray(list->items, list->count + 1, sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	list->items = items;
	list->items[list->count++] = item;
	return 0;
}

static int check_choice(const struct parser *parser, const struct option *option, const char *value)
{
	char words[CHOICES_TEXT_MAX] = "";
	size_t len = 0;

	if (option->choices == NULL)
		return 0;
	for (const char *const *choice = option->choices; *choice != NULL; choice++) {
		int n = snprintf(words + len, sizeof(words) - len, "%s%s", len > 0 ? ", " : "",
				 *choice);

		if (strcmp(*choice, value) == 0)
			return 0;
		if (n > 0 && (size_t)n < sizeof(words) - len)
			len += (size_t)n;
	}
	return err_set(parser->err, -ERANGE, "--%s is one of %s, not '%s'", option->name, words,
		       value);
}

static int store_number(const struct parser *parser, const struct target *target, const char *text)
{
	const struct option *option = target->option;
	const char *form = "a number";
	uint64_t value = 0;
	int r;

	if (option->kind == OPTION_SIZE) {
		form = "a size like 512m or 8g";
		r = parse_size(text, &value);
	} else if (option->kind == OPTION_DURATION) {
		form = "a time span like 30s or 2h";
		r = parse_duration(text, &value);
	} else {
		r = parse_u64(text, UINT64_MAX, &value);
	}
	if (r < 0)
		return err_set(parser->err, -ERANGE, "--%s takes %s, not '%s'", option->name, form,
			       text);
	memcpy(target->value, &value, sizeof(value));
	return 0;
}

static int store_flag(const struct parser *parser, const struct target *target, const char *value)
{
	bool on = value == NULL || strcmp(value, "true") == 0;

	if (!on && strcmp(value, "false") != 0)
		return err_set(parser->err, -ERANGE, "--%s is true or false, not '%s'",
			       target->option->name, value);
	memcpy(target->value, &on, sizeof(on));
	return 0;
}

/* value: of an option that takes one, else NULL or what stood behind '='. */
static int store(const struct parser *parser, const struct target *target, const char *value)
{
	const struct option *option = target->option;
	int r;

	switch (option->kind) {
	case OPTION_FLAG:
		return store_flag(parser, target, value);
	case OPTION_PRESET:
		if (value != NULL)
			return err_set(parser->err, -EINVAL, "--%s takes no value", option->name);
		memcpy(target->value, &option->preset, sizeof(option->preset));
		return 0;
	case OPTION_STRING:
		r = check_choice(parser, option, value);
		if (r == 0)
			memcpy(target->value, &value, sizeof(value));
		return r;
	case OPTION_LIST:
		r = list_add((struct option_list *)(void *)target->value, value);
		return r == 0 ? 0 : err_set(parser->err, r, "out of memory");
	case OPTION_NUMBER:
	case OPTION_SIZE:
	case OPTION_DURATION:
		return store_number(parser, target, value);
	}
	return -EINVAL;
}

/* Takes the word behind the option as its value when none was glued to it. */
static int store_with_next(struct parser *parser, const struct target *target, const char *value)
{
	if (option_has_argument(target->option) && value == NULL) {
		value = *parser->argv;
		if (value == NULL)
			return err_set(parser->err, -EINVAL, "--%s needs a value: --%s %s",
				       target->option->name, target->option->name,
				       target->option->argument);
		parser->argv++;
	}
	return store(parser, target, value);
}

/* The row no-NAME, with which a command tells "no" from nothing said; false: there is none. */
static bool find_opposite(const struct parser *parser, const struct option *option,
			  struct target *ret)
{
	char name[NAME_TEXT_MAX];
	int len = snprintf(name, sizeof(name), "no-%s", option->name);

	return len > 0 && (size_t)len < sizeof(name) &&
	       find_option(parser, name, (size_t)len, 0, ret);
}

static int parse_long(struct parser *parser, const char *name)
{
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	struct target target;

	if (!find_option(parser, name, len, 0, &target))
		return fail_unknown_option(parser, name, len);
	if (target.option->kind == OPTION_FLAG && value != NULL && strcmp(value, "false") == 0 &&
	    find_opposite(parser, target.option, &target))
		value = NULL;
	return store_with_next(parser, &target, value);
}

static int parse_letters(struct parser *parser, const char *letters)
{
	char path[PATH_TEXT_MAX];

	for (; *letters != '\0'; letters++) {
		const char *value = NULL;
		struct target target;
		int r;

		if (!find_option(parser, NULL, 0, *letters, &target)) {
			command_path(parser->invocation, path, sizeof(path));
			return err_set(parser->err, -EINVAL, "'%s' has no option '-%c'", path,
				       *letters);
		}
		if (option_has_argument(target.option) && letters[1] != '\0')
			value = letters[1] == '=' ? letters + 2 : letters + 1;
		r = store_with_next(parser, &target, value);
		if (r < 0 || value != NULL)
			return r;
	}
	return 0;
}

/* Goes down to a sub-command, which brings its own options. */
static int enter_command(struct parser *parser, const struct command *command)
{
	struct invocation *invocation = parser->invocation;

	if (invocation->depth == COMMAND_DEPTH_MAX)
		return err_set(parser->err, -EINVAL, "too many nested commands");
	invocation->path[invocation->depth++] = command;
	invocation->command = command;
	if (command->values_size == 0)
		return 0;
	invocation->values = calloc(1, command->values_size);
	return invocation->values != NULL ? 0 : err_set(parser->err, -ENOMEM, "out of memory");
}

static void take_rest(struct parser *parser)
{
	struct invocation *invocation = parser->invocation;

	while (*parser->argv != NULL)
		invocation->args[invocation->count++] = *parser->argv++;
}

static int parse_plain(struct parser *parser, const char *word)
{
	struct invocation *invocation = parser->invocation;
	const struct command *found;

	if (invocation->command->commands != NULL) {
		found = command_find(invocation->command, word);
		return found != NULL ? enter_command(parser, found)
				     : fail_unknown_command(parser, word);
	}
	invocation->args[invocation->count++] = word;
	if (invocation->command->raw_after_first) {
		invocation->dashes = invocation->count;
		take_rest(parser);
	}
	return 0;
}

static int parse_words(struct parser *parser)
{
	struct invocation *invocation = parser->invocation;
	int r = 0;

	while (r == 0 && *parser->argv != NULL) {
		const char *word = *parser->argv++;

		if (strcmp(word, "--") == 0) {
			invocation->dashes = invocation->count;
			take_rest(parser);
		} else if (strncmp(word, "--", 2) == 0) {
			r = parse_long(parser, word + 2);
		} else if (word[0] == '-' && word[1] != '\0') {
			r = parse_letters(parser, word + 1);
		} else {
			r = parse_plain(parser, word);
		}
	}
	return r;
}

static int check_count(const struct parser *parser)
{
	const struct invocation *invocation = parser->invocation;
	const struct command *command = invocation->command;
	char path[PATH_TEXT_MAX];

	command_path(invocation, path, sizeof(path));
	if (command->commands != NULL && invocation->count > 0)
		return err_set(parser->err, -EINVAL, "'%s' needs a command, not '--'", path);
	if (command->most == 0 && invocation->count > 0)
		return err_set(parser->err, -EINVAL, "'%s' takes no argument, but got '%s'", path,
			       invocation->args[0]);
	if (invocation->count < command->least)
		return err_set(parser->err, -EINVAL, "'%s' needs %s %s", path,
			       invocation->count == 0 ? "arguments:" : "more arguments:",
			       command->arguments);
	if (invocation->count > command->most)
		return err_set(parser->err, -EINVAL, "'%s' has one argument too many: '%s'", path,
			       invocation->args[command->most]);
	return 0;
}

int options_parse(const struct command *root, int argc, char **argv, struct invocation *ret,
		  struct err *err)
{
	struct parser parser = { .invocation = ret, .argv = argv + 1, .err = err };
	int r;

	*ret = (struct invocation){ .dashes = SIZE_MAX };
	ret->args = calloc((size_t)argc + 1, sizeof(*ret->args));
	if (ret->args == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = enter_command(&parser, root);
	if (r == 0)
		r = parse_words(&parser);
	if (ret->dashes > ret->count)
		ret->dashes = ret->count;
	return r < 0 || ret->globals.help ? r : check_count(&parser);
}

void invocation_finish(struct invocation *invocation)
{
	if (invocation->values != NULL) {
		command_for_each_option (option, invocation->command) {
			if (option->kind == OPTION_LIST) {
				struct option_list *list =
					(void *)((char *)invocation->values + group_->offset +
						 option->offset);

				free(list->items);
				*list = (struct option_list){ .items = NULL };
			}
		}
	}
	free(invocation->values);
	free(invocation->args);
	*invocation = (struct invocation){ .values = NULL };
}
