#include "app/options.h"

#include <errno.h>

#include "app/nearest.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

struct values {
	bool tty, stdin_open;
	const char *name, *format;
	struct option_list env;
	uint64_t cpus, memory, timeout;
};

#define TARGET(member) .offset = offsetof(struct values, member)

static const char *const formats[] = { "table", "json", NULL };

static const struct option own_rows[] = {
	{ .name = "tty", .letter = 't', .kind = OPTION_FLAG, TARGET(tty), .help = "a" },
	{ .name = "stdin", .letter = 'i', .kind = OPTION_FLAG, TARGET(stdin_open), .help = "b" },
	{ .name = "name", .kind = OPTION_STRING, .argument = "N", TARGET(name), .help = "c" },
	{ .name = "env", .letter = 'e', .kind = OPTION_LIST, .argument = "K", TARGET(env) },
	{ .name = NULL },
};

/* A group that is shared, at an offset within the values. */
static const struct option shared_rows[] = {
	{ .name = "format",
	  .kind = OPTION_STRING,
	  .argument = "F",
	  .choices = formats,
	  .offset = 0 },
	{ .name = "json", .kind = OPTION_PRESET, .preset = "json", .offset = 0 },
	{ .name = NULL },
};

static const struct option number_rows[] = {
	{ .name = "cpus", .kind = OPTION_NUMBER, .argument = "N", TARGET(cpus) },
	{ .name = "memory",
	  .letter = 'm',
	  .kind = OPTION_SIZE,
	  .argument = "SIZE",
	  TARGET(memory) },
	{ .name = "timeout", .kind = OPTION_DURATION, .argument = "TIME", TARGET(timeout) },
	{ .name = NULL },
};

static int run_nothing(const struct invocation *invocation, struct err *err)
{
	(void)invocation;
	(void)err;
	return 0;
}

#define GROUPS                                                                             \
	.groups = { { .options = own_rows },                                               \
		    { .options = shared_rows, .offset = offsetof(struct values, format) }, \
		    { .options = number_rows } },                                          \
	.values_size = sizeof(struct values)

static const struct command make = { .name = "make",
				     .alias = "mk",
				     .arguments = "[WORD...]",
				     .run = run_nothing,
				     .most = 3,
				     GROUPS };
static const struct command exec = { .name = "exec",
				     .arguments = "S CMD",
				     .run = run_nothing,
				     .least = 2,
				     .most = ARGUMENTS_MANY,
				     .raw_after_first = true,
				     GROUPS };
static const struct command bare = { .name = "bare", .run = run_nothing };
static const struct command start = { .name = "start", .run = run_nothing };
static const struct command *const daemon_commands[] = { &start, NULL };
static const struct command daemon_command = { .name = "daemon", .commands = daemon_commands };
static const struct command *const commands[] = { &make, &exec, &bare, &daemon_command, NULL };
static const struct command root = { .name = "tool", .commands = commands };

enum { WORDS_MAX = 12 };

static int parse(const char *const words[WORDS_MAX], struct invocation *ret, struct err *err)
{
	char *argv[WORDS_MAX + 2] = { (char *)(uintptr_t) "tool" };
	int argc = 1;

	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	return options_parse(&root, argc, argv, ret, err);
}

TEST(values_in_every_form)
{
	static const char *const forms[][WORDS_MAX] = {
		{ "make", "--name", "n", "-m", "8g", "-it", "--format", "json", "-eA=1", "-e=B" },
		{ "make", "--name=n", "-m8g", "-ti", "--format=json", "--env=A=1", "--env", "B" },
		{ "mk", "-m=8g", "--name", "n", "-t", "-i", "--json", "-e", "A=1", "-e", "B" },
		{ "make", "-tieA=1", "--tty=true", "-e=B", "--name=n", "-m", "8192m", "--json" },
	};

	for (size_t i = 0; i < countof(forms); i++) {
		autocall(invocation_finish) struct invocation invocation;
		struct err err = ERR_INIT;
		const struct values *values;

		CHECK_EQ(parse(forms[i], &invocation, &err), 0);
		values = invocation.values;
		CHECK_STR(values->name, "n");
		CHECK_EQ(values->memory, UINT64_C(8) << 30);
		CHECK(values->tty && values->stdin_open);
		CHECK_STR(values->format, "json");
		CHECK_EQ(values->env.count, 2);
		CHECK_STR(values->env.items[0], "A=1");
		CHECK_STR(values->env.items[1], "B");
	}
}

TEST(numbers_have_their_forms)
{
	autocall(invocation_finish) struct invocation invocation;
	static const char *const words[WORDS_MAX] = { "make", "--cpus", "4", "--timeout", "1m30s" };
	struct err err = ERR_INIT;
	const struct values *values;

	CHECK_EQ(parse(words, &invocation, &err), 0);
	values = invocation.values;
	CHECK_EQ(values->cpus, 4);
	CHECK_EQ(values->timeout, 90);
}

TEST(wrong_command_lines)
{
	static const struct {
		const char *words[WORDS_MAX];
		int code;
		const char *sentence;
	} cases[] = {
		{ { "mkae" }, -EINVAL, "'tool' has no command 'mkae'; did you mean 'make'?" },
		{ { "zzzzzzzz" }, -EINVAL, "'tool' has no command 'zzzzzzzz'" },
		{ { "make", "--nmae=x" },
		  -EINVAL,
		  "'tool make' has no option '--nmae'; did you mean '--name'?" },
		{ { "make", "--qqqqqqq" }, -EINVAL, "'tool make' has no option '--qqqqqqq'" },
		{ { "make", "-x" }, -EINVAL, "'tool make' has no option '-x'" },
		{ { "make", "-tx" }, -EINVAL, "'tool make' has no option '-x'" },
		{ { "make", "--name" }, -EINVAL, "--name needs a value: --name N" },
		{ { "make", "-m" }, -EINVAL, "--memory needs a value: --memory SIZE" },
		{ { "make", "--json=1" }, -EINVAL, "--json takes no value" },
		{ { "make", "--tty=yes" }, -ERANGE, "--tty is true or false, not 'yes'" },
		{ { "make", "--format", "xml" },
		  -ERANGE,
		  "--format is one of table, json, not 'xml'" },
		{ { "make", "-m", "lots" },
		  -ERANGE,
		  "--memory takes a size like 512m or 8g, not 'lots'" },
		{ { "make", "--cpus", "-1" }, -ERANGE, "--cpus takes a number, not '-1'" },
		{ { "make", "--timeout", "5" },
		  -ERANGE,
		  "--timeout takes a time span like 30s or 2h, not '5'" },
		{ { "make", "a", "b", "c", "d" },
		  -EINVAL,
		  "'tool make' has one argument too many: 'd'" },
		{ { "exec" }, -EINVAL, "'tool exec' needs arguments: S CMD" },
		{ { "exec", "s" }, -EINVAL, "'tool exec' needs more arguments: S CMD" },
		{ { "bare", "x" }, -EINVAL, "'tool bare' takes no argument, but got 'x'" },
		{ { "daemon", "strat" },
		  -EINVAL,
		  "'tool daemon' has no command 'strat'; did you mean 'start'?" },
		{ { "--", "make" }, -EINVAL, "'tool' needs a command, not '--'" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		autocall(invocation_finish) struct invocation invocation;
		struct err err = ERR_INIT;

		CHECK_EQ(parse(cases[i].words, &invocation, &err), cases[i].code);
		CHECK_STR(err.text, cases[i].sentence);
	}
}

TEST(arguments_and_options_mix_until_dashes)
{
	autocall(invocation_finish) struct invocation invocation;
	static const char *const words[WORDS_MAX] = { "make", "a", "-t", "b", "--", "-i" };
	struct err err = ERR_INIT;
	const struct values *values;

	CHECK_EQ(parse(words, &invocation, &err), 0);
	values = invocation.values;
	CHECK(values->tty && !values->stdin_open);
	CHECK_EQ(invocation.count, 3);
	CHECK_EQ(invocation.dashes, 2);
	CHECK_STR(invocation.args[2], "-i");
	CHECK(invocation.args[3] == NULL);
}

TEST(raw_after_the_first_argument)
{
	autocall(invocation_finish) struct invocation invocation;
	static const char *const words[WORDS_MAX] = { "exec", "-t", "s",      "--",
						      "ls",   "-i", "--help", "-" };
	struct err err = ERR_INIT;
	const struct values *values;

	CHECK_EQ(parse(words, &invocation, &err), 0);
	values = invocation.values;
	CHECK(values->tty && !values->stdin_open && !invocation.globals.help);
	CHECK_EQ(invocation.count, 6);
	CHECK_STR(invocation.args[1], "--");
	CHECK_STR(invocation.args[5], "-");
}

TEST(global_options_and_help_anywhere)
{
	autocall(invocation_finish) struct invocation invocation;
	static const char *const words[WORDS_MAX] = { "-D", "daemon", "start", "-h" };
	struct err err = ERR_INIT;
	char path[64];

	CHECK_EQ(parse(words, &invocation, &err), 0);
	CHECK(invocation.globals.debug && invocation.globals.help);
	command_path(&invocation, path, sizeof(path));
	CHECK_STR(path, "tool daemon start");
	CHECK(invocation.command == &start);
}

TEST(help_does_not_need_arguments)
{
	autocall(invocation_finish) struct invocation invocation;
	static const char *const words[WORDS_MAX] = { "exec", "--help" };
	struct err err = ERR_INIT;

	CHECK_EQ(parse(words, &invocation, &err), 0);
	CHECK(invocation.globals.help);
}

TEST(nearest_words)
{
	static const struct {
		const char *typed, *candidate;
		bool near;
	} cases[] = {
		{ "rnu", "run", true },		{ "create", "crate", true }, { "x", "rm", false },
		{ "inspetc", "inspect", true }, { "ls", "stop", false },     { "", "run", false },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct nearest nearest = nearest_begin(cases[i].typed);

		nearest_offer(&nearest, cases[i].candidate);
		CHECK_EQ(nearest.best != NULL, cases[i].near);
	}
}

TEST_MAIN()
