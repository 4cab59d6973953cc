/*
 * What is made from the tables: every help, every manual page through groff
 * with all its warnings, and completion as real shells do it.
 */
#include "sbx/commands.h"

#include <fcntl.h>
#include <unistd.h>

#include "app/completion.h"
#include "app/help.h"
#include "app/man.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "tests/unit/test.h"

enum { OUTPUT_MAX = 65536 };

static bool is_installed(const char *program)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	return system(command) == 0;
}

/* What a command of the shell prints, stderr too; owned by the caller. */
static char *output_of(const char *command)
{
	autocall(buf_finish) struct buf output;
	FILE *from = popen(command, "r");
	const char *text;
	void *to;

	buf_init(&output, OUTPUT_MAX);
	while (from != NULL && (to = buf_reserve(&output, 1024)) != NULL) {
		size_t n = fread(to, 1, 1024, from);

		if (n == 0)
			break;
		output.len += n;
	}
	if (from != NULL)
		(void)pclose(from);
	text = buf_str(&output);
	return text != NULL ? strdup(text) : NULL;
}

static bool write_script(const char *path, void (*print)(const struct command *, FILE *))
{
	FILE *to = fopen(path, "we");

	if (to == NULL)
		return false;
	print(&sbx_root, to);
	return fclose(to) == 0;
}

/* True when the words, parted by newlines or blanks, hold this one. */
static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *found = words; (found = strstr(found, word)) != NULL; found++) {
		bool starts = found == words || strchr(" \n", found[-1]) != NULL;

		if (starts && strchr(" \n", found[len]) != NULL)
			return true;
	}
	return false;
}

static void check_rows(const struct command *root)
{
	command_for_each (command, root) {
		CHECK(command->summary != NULL);
		CHECK((command->run == NULL) == (command->commands != NULL));
		CHECK((command->most > 0) == (command->arguments != NULL));
		command_for_each_option (option, command) {
			CHECK(option->help != NULL);
			CHECK_EQ(option->argument != NULL, option_has_argument(option));
			CHECK(option->offset < command->values_size);
			CHECK(option->help[strlen(option->help) - 1] != '.');
		}
		/* A letter or name stands for one thing only. */
		command_for_each_option (one, command) {
			int same = 0;

			for (size_t i = 0; i < OPTION_GROUPS && command->groups[i].options; i++) {
				const struct option *other = command->groups[i].options;

				for (; other->name != NULL; other++)
					same += strcmp(other->name, one->name) == 0 ||
						(one->letter != 0 && other->letter == one->letter);
			}
			CHECK_EQ(same, 1);
			CHECK(one->letter != 'h' && one->letter != 'D');
		}
	}
}

TEST(every_row_is_complete)
{
	check_rows(&sbx_root);
	if (!test_failed)
		check_rows(&older_root);
}

TEST(help_names_every_option_in_a_hundred_columns)
{
	command_for_each (command, &sbx_root) {
		struct invocation invocation = { .path = { &sbx_root, command },
						 .depth = 2,
						 .command = command };
		autofree char *text = NULL;
		size_t size, column = 0;
		FILE *to = open_memstream(&text, &size);

		CHECK(to != NULL);
		help_print(&invocation, to, 0);
		(void)fclose(to);
		CHECK(strstr(text, command->summary) != NULL);
		command_for_each_option (option, command)
			CHECK(option->hidden || strstr(text, option->name) != NULL);
		for (size_t i = 0; i < size; i++) {
			column = text[i] == '\n' ? 0 : column + 1;
			CHECK(column <= 100);
		}
	}
}

/* Formats one page with all warnings on; what groff complains about is shown. */
static void check_page(const char *page)
{
	const struct man_config config = { .version = "1",
					   .root = &sbx_root,
					   .sections = sbx_man_sections };
	autofree char *complaints = NULL;
	char command[128];
	FILE *to;

	to = fopen("page.1", "we");
	CHECK(to != NULL);
	CHECK_EQ(man_print(&config, page, to), 0);
	(void)fclose(to);
	(void)snprintf(command, sizeof(command),
		       "groff -ww -man -Tutf8 -P-cbou page.1 2>&1 >page.txt");
	complaints = output_of(command);
	CHECK_STR(complaints, "");
	autofree char *text = output_of("cat page.txt");
	CHECK(strstr(text, "SYNOPSIS") != NULL);
	CHECK(strstr(text, page) != NULL);
}

TEST(manual_pages_are_clean_roff)
{
	if (!is_installed("groff"))
		SKIP("groff is not installed");
	check_page("sbx");
	command_for_each (command, &sbx_root) {
		char page[64];

		(void)snprintf(page, sizeof(page), "sbx-%s", command->name);
		check_page(page);
		if (test_failed)
			break;
	}
	(void)unlink("page.1");
	(void)unlink("page.txt");
}

TEST(pages_that_do_not_exist)
{
	const struct man_config config = { .version = "1",
					   .root = &sbx_root,
					   .sections = sbx_man_sections };

	CHECK(man_print(&config, "sbx-nothing", stderr) < 0);
	CHECK(man_print(&config, "sbxrun", stderr) < 0);
	CHECK(man_print(&config, "", stderr) < 0);
}

/* A folder with a fake sbx that names two things of each kind, for completion to ask. */
static const char fake_setup[] =
	"mkdir -p complete.d/folder && printf '#!/bin/sh\\ncase $1:$2 in\\n"
	"__words:sandbox) echo demo; echo other;;\\n__words:*) echo a-$2; echo b-$2;;\\nesac\\n' "
	"> complete.d/sbx && chmod +x complete.d/sbx";

static const struct {
	const char *line;   /* words, the last one is being typed */
	const char *has[4]; /* must be offered */
	const char * not ;  /* must not be */
} completions[] = {
	{ "sbx r", { "run", "rm", "reset" }, "create" },
	{ "sbx ", { "run", "diagnose", "help" }, "man" },
	{ "sbx exec ", { "demo", "other" }, "run" },
	{ "sbx exec d", { "demo" }, "other" },
	{ "sbx exec --", { "--interactive", "--tty", "--help" }, "--memory" },
	{ "sbx run --", { "--memory", "--rm", "--debug" }, "--tty" },
	{ "sbx ls --format ", { "table", "json", "yaml" }, "demo" },
	{ "sbx ls -o ", { "table", "json" }, "demo" },
	{ "sbx daemon st", { "start", "stop", "status" }, "restart" },
	{ "sbx daemon status --", { "--json" }, "--detach" },
	{ "sbx stop demo ", { "demo", "other" }, "run" },
	{ "sbx run a", { "a-agent" }, "b-agent" },
	{ "sbx create ", { "a-agent", "folder" }, "create" },
	{ "sbx run -t ", { "a-template", "b-template" }, "demo" },
	{ "sbx run --policy ", { "a-preset", "folder" }, "demo" },
	{ "sbx login ", { "a-preset" }, "demo" },
	{ "sbx template rm x ", { "a-template" }, "demo" },
	{ "sbx branch merge ", { "a-branch" }, "demo" },
	{ "sbx secret set ", { "a-service" }, "demo" },
	{ "sbx settings get ", { "a-setting" }, "demo" },
	{ "sbx cp d", { "demo:" }, "other:" },
	{ "sbx run --kernel fol", { "folder" }, "shell" },
	{ "sbx exec -w /tmp -u me ", { "demo" }, "run" },
	{ "sbx completion ", { "bash", "zsh", "fish", "powershell" }, "demo" },
};

static void check_offers(const char *shell, const char *line, const char *offered,
			 const char *const has[4], const char * not )
{
	for (size_t i = 0; i < 4 && has[i] != NULL; i++) {
		if (!has_word(offered, has[i]))
			TEST_FAIL_("%s does not offer '%s' after '%s' but: %s", shell, has[i], line,
				   offered);
	}
	if (has_word(offered, not ))
		TEST_FAIL_("%s offers '%s' after '%s'", shell, not, line);
}

TEST(bash_completes)
{
	if (!is_installed("bash"))
		SKIP("bash is not installed");
	CHECK_EQ(system(fake_setup), 0);
	CHECK(write_script("complete.d/bash", completion_print_bash));
	for (size_t i = 0; i < countof(completions); i++) {
		char command[512];

		(void)snprintf(command, sizeof(command),
			       "cd complete.d && PATH=$PWD:$PATH bash --norc -c '. ./bash; "
			       "complete -p sbx >/dev/null || exit 1; line=\"%s\"; "
			       "COMP_WORDS=($line); [[ $line == *\" \" ]] && COMP_WORDS+=(\"\"); "
			       "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _sbx; "
			       "printf \"%%s\\n\" \"${COMPREPLY[@]}\"' 2>&1",
			       completions[i].line);
		autofree char *offered = output_of(command);
		check_offers("bash", completions[i].line, offered, completions[i].has,
			     completions[i].not );
		if (test_failed)
			return;
	}
	CHECK_EQ(file_remove_tree(AT_FDCWD, "complete.d"), 0);
}

TEST(fish_completes)
{
	if (!is_installed("fish"))
		SKIP("fish is not installed");
	CHECK_EQ(system(fake_setup), 0);
	CHECK(write_script("complete.d/fish", completion_print_fish));
	for (size_t i = 0; i < countof(completions); i++) {
		char command[512];

		(void)snprintf(
			command, sizeof(command),
			"cd complete.d && HOME=$PWD PATH=$PWD:$PATH fish --no-config -c "
			"'source fish; complete -C \"%s\" | string replace -r \"\\t.*\" \"\" "
			"| string trim -r -c /' 2>&1",
			completions[i].line);
		autofree char *offered = output_of(command);
		check_offers("fish", completions[i].line, offered, completions[i].has,
			     completions[i].not );
		if (test_failed)
			return;
	}
	CHECK_EQ(file_remove_tree(AT_FDCWD, "complete.d"), 0);
}

/* zsh offers words only to a line editor, so its own functions are asked for what they would add.
 */
TEST(zsh_accepts_the_script)
{
	autofree char *said = NULL;

	if (!is_installed("zsh"))
		SKIP("zsh is not installed");
	CHECK_EQ(system(fake_setup), 0);
	CHECK(write_script("complete.d/zsh", completion_print_zsh));
	said = output_of(
		"cd complete.d && zsh -f -c 'autoload -Uz compinit && compinit -u -D; "
		". ./zsh; print ${_comps[sbx]}; (( $+functions[_sbx_daemon_start] )) "
		"&& print nested' 2>&1");
	CHECK_STR(said, "_sbx\nnested\n");
	CHECK_EQ(file_remove_tree(AT_FDCWD, "complete.d"), 0);
}

/* Answers of PowerShell's own completer, which a host without a terminal can be asked for too. */
TEST(powershell_completes)
{
	if (!is_installed("pwsh"))
		SKIP("PowerShell is not installed");
	CHECK_EQ(system(fake_setup), 0);
	CHECK(write_script("complete.d/sbx.ps1", completion_print_powershell));
	for (size_t i = 0; i < countof(completions); i++) {
		char command[512];

		(void)snprintf(
			command, sizeof(command),
			"cd complete.d && PATH=$PWD:$PATH pwsh -NoProfile -Command '. ./sbx.ps1; "
			"(TabExpansion2 \"%s\" %zu).CompletionMatches.CompletionText' 2>&1",
			completions[i].line, strlen(completions[i].line));
		autofree char *offered = output_of(command);
		check_offers("PowerShell", completions[i].line, offered, completions[i].has,
			     completions[i].not );
		if (test_failed)
			return;
	}
	CHECK_EQ(file_remove_tree(AT_FDCWD, "complete.d"), 0);
}

/* Every option and command is in its tables, and every string in it is closed. */
TEST(powershell_has_the_tables)
{
	autofree char *script = NULL;
	size_t len = 0, quotes = 0;
	FILE *to = open_memstream(&script, &len);

	CHECK(to != NULL);
	completion_print_powershell(&sbx_root, to);
	CHECK_EQ(fclose(to), 0);
	CHECK(strstr(script, "$SbxValues['sbx ls --format'] = 'words table json yaml'\n") != NULL);
	CHECK(strstr(script, "$SbxValues['sbx run -m'] = 'nothing '\n") != NULL);
	CHECK(strstr(script, "$SbxArguments['sbx exec 0'] = 'sandbox'\n") != NULL);
	CHECK(strstr(script, "= 'words start stop restart status") != NULL);
	for (const char *at = strstr(script, "$SbxOptions['");
	     at < strstr(script, "function script:"); at++)
		quotes += *at == '\'';
	CHECK_EQ(quotes % 2, 0);
}

TEST_MAIN()
