#include "app/completion.h"

#include <stdbool.h>
#include <string.h>

#include "app/options.h"

enum { PATH_MAX_BYTES = 128 };

/* A command with the words that lead to it, "sbx daemon start". */
typedef void visit_fn(const char *path, const struct command *command, FILE *to);

static void visit(const char *parent, const struct command *command, visit_fn *fn, FILE *to)
{
	char path[PATH_MAX_BYTES];
	int n = snprintf(path, sizeof(path), "%s%s%s", parent, *parent != '\0' ? " " : "",
			 command->name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return;
	fn(path, command, to);
	command_for_each (c, command) {
		if (!c->hidden)
			visit(path, c, fn, to);
	}
}

static const char *kind_name(enum complete complete)
{
	switch (complete) {
	case COMPLETE_NOTHING:
		return "nothing";
	case COMPLETE_FILE:
		return "file";
	case COMPLETE_FOLDER:
		return "folder";
	case COMPLETE_SANDBOX:
		return "sandbox";
	case COMPLETE_TEMPLATE:
		return "template";
	case COMPLETE_BRANCH:
		return "branch";
	case COMPLETE_SERVICE:
		return "service";
	case COMPLETE_PRESET:
		return "preset";
	case COMPLETE_AGENT:
		return "agent";
	case COMPLETE_SETTING:
		return "setting";
	case COMPLETE_CHOICES:
		return "words";
	case COMPLETE_COPY:
		return "copy";
	}
	return "nothing";
}

static void print_words(const char *const *words, FILE *to)
{
	for (const char *const *word = words; word != NULL && *word != NULL; word++)
		(void)fprintf(to, "%s%s", word == words ? "" : " ", *word);
}

/* The first line of a text with what is special in single quotes of a shell replaced. */
static void print_quoted(const char *text, const char *escaped, FILE *to)
{
	for (; *text != '\0' && *text != '\n'; text++) {
		if (*text == '\'')
			(void)fputs("'\\''", to);
		else if (strchr(escaped, *text) != NULL)
			(void)fprintf(to, "\\%c", *text);
		else
			(void)fputc(*text, to);
	}
}

/* --- bash --- */

/* The program itself knows names, see kind_name(): sbx __words KIND. */
static const char bash_functions[] =
	"_sbx_ask() {\n"
	"\tcompgen \"${@:2}\" -W \"$(sbx __words \"$1\" 2>/dev/null)\" -- \"$cur\"\n"
	"}\n\n"
	"_sbx_offer() {\n"
	"\tcase $1 in\n"
	"\tfile) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); compopt -o filenames "
	"2>/dev/null ;;\n"
	"\tfolder) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); compopt -o filenames "
	"2>/dev/null ;;\n"
	"\tsandbox | template | branch | service | setting) mapfile -t COMPREPLY < <(_sbx_ask $1) "
	";;\n"
	"\tpreset) mapfile -t COMPREPLY < <(_sbx_ask $1; compgen -f -- \"$cur\") ;;\n"
	"\twords) mapfile -t COMPREPLY < <(compgen -W \"$2\" -- \"$cur\") ;;\n"
	"\tagent) mapfile -t COMPREPLY < <(_sbx_ask $1; compgen -d -- \"$cur\") ;;\n"
	"\tcopy) mapfile -t COMPREPLY < <(_sbx_ask sandbox -S :; compgen -f -- \"$cur\")\n"
	"\t\tcompopt -o nospace 2>/dev/null ;;\n"
	"\tesac\n"
	"\treturn 0\n"
	"}\n\n";

static const char bash_walk[] =
	"_sbx() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal path=sbx count=0 skip= i word\n"
	"\tCOMPREPLY=()\n"
	"\t# The shell parts --option=value into three words.\n"
	"\tif [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD "
	"- 2]}; fi\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif [[ $word == = ]]; then skip=1; continue; fi\n"
	"\t\tif [[ $skip ]]; then skip=; continue; fi\n"
	"\t\tif [[ $word == -- ]]; then _sbx_offer file; return; fi\n"
	"\t\tif [[ $word == -* ]]; then\n"
	"\t\t\tif [[ $(_sbx_value \"$path $word\") ]]; then skip=1; fi\n"
	"\t\telif _sbx_is_command \"$path $word\"; then path=\"$path $word\"\n"
	"\t\telse count=$((count + 1)); fi\n"
	"\tdone\n"
	"\tword=$(_sbx_value \"$path $prev\")\n"
	"\tif [[ $word ]]; then _sbx_offer ${word%% *} \"${word#* }\"; return; fi\n"
	"\tif [[ $cur == -* ]]; then _sbx_offer words \"$(_sbx_options \"$path\")\"; return; fi\n"
	"\tword=$(_sbx_argument \"$path\" $count)\n"
	"\t_sbx_offer ${word%% *} \"${word#* }\"\n"
	"}\n\n"
	"complete -F _sbx sbx\n";

static void bash_case_command(const char *path, const struct command *command, FILE *to)
{
	(void)command;
	(void)fprintf(to, "\t\"%s\") return 0 ;;\n", path);
}

static void bash_case_options(const char *path, const struct command *command, FILE *to)
{
	(void)fprintf(to, "\t\"%s\") echo \"--help --debug", path);
	command_for_each_option (option, command) {
		if (!option->hidden)
			(void)fprintf(to, " --%s", option->name);
	}
	(void)fputs("\" ;;\n", to);
}

/* What an option's value is: "KIND WORDS". */
static void bash_case_values(const char *path, const struct command *command, FILE *to)
{
	command_for_each_option (option, command) {
		if (!option_has_argument(option))
			continue;
		(void)fprintf(to, "\t\"%s --%s\"", path, option->name);
		if (option->letter != 0)
			(void)fprintf(to, " | \"%s -%c\"", path, option->letter);
		(void)fprintf(
			to, ") echo \"%s ",
			kind_name(option->choices != NULL ? COMPLETE_CHOICES : option->complete));
		print_words(option->choices, to);
		(void)fputs("\" ;;\n", to);
	}
}

static void bash_case_arguments(const char *path, const struct command *command, FILE *to)
{
	if (command->commands != NULL) {
		(void)fprintf(to, "\t\"%s \"[0-9]*) echo \"words", path);
		command_for_each (c, command) {
			if (!c->hidden)
				(void)fprintf(to, " %s", c->name);
		}
		(void)fputs("\" ;;\n", to);
		return;
	}
	(void)fprintf(to, "\t\"%s 0\") echo \"%s ", path, kind_name(command->first));
	(void)fprintf(to, "\" ;;\n\t\"%s \"[0-9]*) echo \"%s \" ;;\n", path,
		      kind_name(command->rest));
}

static void bash_function(const char *name, const char *subject, const struct command *root,
			  visit_fn *fn, const char *end, FILE *to)
{
	(void)fprintf(to, "%s() {\n\tcase %s in\n", name, subject);
	visit("", root, fn, to);
	(void)fprintf(to, "%s\tesac\n}\n\n", end);
}

void completion_print_bash(const struct command *root, FILE *to)
{
	(void)fputs("# bash completion for sbx, written by 'sbx completion bash'\n\n", to);
	bash_function("_sbx_is_command", "$1", root, bash_case_command, "\t*) return 1 ;;\n", to);
	bash_function("_sbx_options", "$1", root, bash_case_options, "", to);
	bash_function("_sbx_value", "$1", root, bash_case_values, "", to);
	bash_function("_sbx_argument", "\"$1 $2\"", root, bash_case_arguments, "", to);
	(void)fputs(bash_functions, to);
	(void)fputs(bash_walk, to);
}

/* --- zsh --- */

static const char zsh_functions[] =
	"#compdef sbx\n"
	"# zsh completion for sbx, written by 'sbx completion zsh'\n\n"
	"_sbx_ask() {\n"
	"\tlocal -a names\n"
	"\tnames=(${(f)\"$(sbx __words $1 2>/dev/null)\"})\n"
	"\tcompadd \"${@:2}\" -a names\n"
	"}\n\n"
	"_sbx_agent() {\n\t_sbx_ask agent\n\t_files -/\n}\n\n"
	"_sbx_preset() {\n\t_sbx_ask preset\n\t_files\n}\n\n"
	"_sbx_copy() {\n"
	"\t_sbx_ask sandbox -S :\n"
	"\t_files\n"
	"}\n\n";

static void zsh_action(enum complete complete, const char *const *choices, FILE *to)
{
	switch (complete) {
	case COMPLETE_FILE:
		(void)fputs("_files", to);
		return;
	case COMPLETE_FOLDER:
		(void)fputs("_files -/", to);
		return;
	case COMPLETE_SANDBOX:
	case COMPLETE_TEMPLATE:
	case COMPLETE_BRANCH:
	case COMPLETE_SERVICE:
	case COMPLETE_SETTING:
		(void)fprintf(to, "{_sbx_ask %s}", kind_name(complete));
		return;
	case COMPLETE_PRESET:
	case COMPLETE_AGENT:
	case COMPLETE_COPY:
		(void)fprintf(to, "_sbx_%s", kind_name(complete));
		return;
	case COMPLETE_CHOICES:
		(void)fputc('(', to);
		print_words(choices, to);
		(void)fputc(')', to);
		return;
	case COMPLETE_NOTHING:
		return;
	}
}

static void zsh_spec(const struct option *option, const char *dashes, const char *name, FILE *to)
{
	(void)fprintf(to, " \\\n\t\t'%s%s%s%s[", option->kind == OPTION_LIST ? "*" : "", dashes,
		      name,
		      !option_has_argument(option) ? ""
		      : dashes[1] != '\0'	   ? "="
						   : "+");
	print_quoted(option->help, "[]:\\", to);
	(void)fputc(']', to);
	if (option_has_argument(option)) {
		(void)fputc(':', to);
		print_quoted(option->argument, ":\\", to);
		(void)fputc(':', to);
		zsh_action(option->choices != NULL ? COMPLETE_CHOICES : option->complete,
			   option->choices, to);
	}
	(void)fputc('\'', to);
}

static void zsh_option(const struct option *option, FILE *to)
{
	const char letter[2] = { option->letter, '\0' };

	if (option->hidden)
		return;
	zsh_spec(option, "--", option->name, to);
	if (option->letter != 0)
		zsh_spec(option, "-", letter, to);
}

static void zsh_function_name(const char *path, FILE *to)
{
	(void)fputc('_', to);
	for (; *path != '\0'; path++)
		(void)fputc(*path == ' ' ? '_' : *path, to);
}

/* One function for each command: its options, then its arguments or commands. */
static void zsh_command(const char *path, const struct command *command, FILE *to)
{
	zsh_function_name(path, to);
	(void)fputs(
		"() {\n\tlocal curcontext=$curcontext state line\n"
		"\ttypeset -A opt_args\n\t_arguments -C -s",
		to);
	for (const struct option *option = global_options; option->name != NULL; option++)
		zsh_option(option, to);
	command_for_each_option (option, command)
		zsh_option(option, to);
	if (command->commands == NULL) {
		if (command->most > 0) {
			(void)fputs(" \\\n\t\t'1: :", to);
			zsh_action(command->first, NULL, to);
			(void)fputs("' \\\n\t\t'*: :", to);
			zsh_action(command->rest, NULL, to);
			(void)fputc('\'', to);
		}
		(void)fputs("\n}\n\n", to);
		return;
	}
	(void)fputs(
		" \\\n\t\t'1: :->command' '*:: :->argument'\n\tcase $state in\n\tcommand)\n"
		"\t\tlocal -a commands\n\t\tcommands=(\n",
		to);
	command_for_each (c, command) {
		if (c->hidden)
			continue;
		(void)fprintf(to, "\t\t\t'%s:", c->name);
		print_quoted(c->summary, ":\\", to);
		(void)fputs("'\n", to);
	}
	(void)fputs(
		"\t\t)\n\t\t_describe command commands ;;\n\targument)\n"
		"\t\t(( $+functions[",
		to);
	zsh_function_name(path, to);
	(void)fputs("_$words[1]] )) && ", to);
	zsh_function_name(path, to);
	(void)fputs("_$words[1] ;;\n\tesac\n}\n\n", to);
}

void completion_print_zsh(const struct command *root, FILE *to)
{
	(void)fputs(zsh_functions, to);
	visit("", root, zsh_command, to);
	(void)fputs("if [[ $funcstack[1] == _sbx ]]; then _sbx \"$@\"; else compdef _sbx sbx; fi\n",
		    to);
}

/* --- fish --- */

static const char fish_functions[] =
	"function __sbx_at\n"
	"    set -l path sbx\n"
	"    for word in (commandline -opc)[2..-1]\n"
	"        if contains -- \"$path $word\" $__sbx_paths\n"
	"            set path \"$path $word\"\n"
	"        end\n"
	"    end\n"
	"    test \"$path\" = \"$argv[1]\"\n"
	"end\n\n"
	"complete -c sbx -f\n";

static void fish_path(const char *path, const struct command *command, FILE *to)
{
	(void)command;
	(void)fprintf(to, " '%s'", path);
}

static void fish_arguments(enum complete complete, const char *const *choices, FILE *to)
{
	switch (complete) {
	case COMPLETE_FILE:
		(void)fputs(" -F", to);
		return;
	case COMPLETE_FOLDER:
		(void)fputs(" -a '(__fish_complete_directories)'", to);
		return;
	case COMPLETE_SANDBOX:
	case COMPLETE_TEMPLATE:
	case COMPLETE_BRANCH:
	case COMPLETE_SERVICE:
	case COMPLETE_SETTING:
		(void)fprintf(to, " -a '(sbx __words %s 2>/dev/null)'", kind_name(complete));
		return;
	case COMPLETE_PRESET:
		(void)fputs(" -F -a '(sbx __words preset 2>/dev/null)'", to);
		return;
	case COMPLETE_AGENT:
		(void)fputs(" -a '(sbx __words agent 2>/dev/null; __fish_complete_directories)'",
			    to);
		return;
	case COMPLETE_COPY:
		(void)fputs(
			" -F -a '(sbx __words sandbox 2>/dev/null | string replace -r \"\\$\" :)'",
			to);
		return;
	case COMPLETE_CHOICES:
		(void)fputs(" -a '", to);
		print_words(choices, to);
		(void)fputc('\'', to);
		return;
	case COMPLETE_NOTHING:
		return;
	}
}

static void fish_option(const char *path, const struct option *option, FILE *to)
{
	if (option->hidden)
		return;
	(void)fprintf(to, "complete -c sbx -n '__sbx_at \"%s\"' -l %s", path, option->name);
	if (option->letter != 0)
		(void)fprintf(to, " -s %c", option->letter);
	if (option_has_argument(option)) {
		(void)fputs(" -r", to);
		fish_arguments(option->choices != NULL ? COMPLETE_CHOICES : option->complete,
			       option->choices, to);
	}
	(void)fputs(" -d '", to);
	print_quoted(option->help, "\\", to);
	(void)fputs("'\n", to);
}

static void fish_command(const char *path, const struct command *command, FILE *to)
{
	for (const struct option *option = global_options; option->name != NULL; option++)
		fish_option(path, option, to);
	command_for_each_option (option, command)
		fish_option(path, option, to);
	command_for_each (c, command) {
		if (c->hidden)
			continue;
		(void)fprintf(to, "complete -c sbx -n '__sbx_at \"%s\"' -a %s -d '", path, c->name);
		print_quoted(c->summary, "\\", to);
		(void)fputs("'\n", to);
	}
	if (command->commands != NULL || command->first == COMPLETE_NOTHING)
		return;
	(void)fprintf(to, "complete -c sbx -n '__sbx_at \"%s\"'", path);
	fish_arguments(command->first, NULL, to);
	(void)fputc('\n', to);
	if (command->rest != command->first && command->rest != COMPLETE_NOTHING) {
		(void)fprintf(to, "complete -c sbx -n '__sbx_at \"%s\"'", path);
		fish_arguments(command->rest, NULL, to);
		(void)fputc('\n', to);
	}
}

void completion_print_fish(const struct command *root, FILE *to)
{
	(void)fputs(
		"# fish completion for sbx, written by 'sbx completion fish'\n\n"
		"set -g __sbx_paths",
		to);
	visit("", root, fish_path, to);
	(void)fputc('\n', to);
	(void)fputs(fish_functions, to);
	visit("", root, fish_command, to);
}

/* --- PowerShell --- */

/* Where it offers nothing, PowerShell offers files by itself. Its own tables ignore case; -e and
 * -E are two options. */
static const char powershell_tables[] =
	"# PowerShell completion for sbx, written by 'sbx completion powershell'\n\n"
	"$script:SbxOptions = [System.Collections.Generic.Dictionary[string,string]]::new("
	"[StringComparer]::Ordinal)\n"
	"$script:SbxValues = [System.Collections.Generic.Dictionary[string,string]]::new("
	"[StringComparer]::Ordinal)\n"
	"$script:SbxArguments = [System.Collections.Generic.Dictionary[string,string]]::new("
	"[StringComparer]::Ordinal)\n\n";

static const char powershell_functions[] =
	"\nfunction script:Get-SbxWords([string]$Offer) {\n"
	"    $kind, $words = $Offer -split ' '\n"
	"    switch ($kind) {\n"
	"        'words' { $words }\n"
	"        'copy' { & sbx __words sandbox 2>$null | ForEach-Object { \"${_}:\" } }\n"
	"        { $_ -in 'sandbox', 'template', 'branch', 'service', 'setting', 'preset', 'agent' "
	"} "
	"{ & sbx __words $kind 2>$null }\n"
	"    }\n"
	"}\n\n"
	"Register-ArgumentCompleter -Native -CommandName sbx -ScriptBlock {\n"
	"    param($wordToComplete, $commandAst, $cursorPosition)\n"
	"    $path = 'sbx'; $count = 0; $value = $null\n"
	"    $before = $commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt "
	"$cursorPosition }\n"
	"    foreach ($element in ($before | Select-Object -Skip 1)) {\n"
	"        $word = $element.ToString()\n"
	"        if ($null -ne $value) { $value = $null; continue }\n"
	"        if ($word -eq '--') { return }\n"
	"        if ($word.StartsWith('-')) {\n"
	"            if ($SbxValues.ContainsKey(\"$path $word\")) { $value = $SbxValues[\"$path "
	"$word\"] }\n"
	"        } elseif ($SbxOptions.ContainsKey(\"$path $word\")) { $path = \"$path $word\" }\n"
	"        else { $count++ }\n"
	"    }\n"
	"    if ($null -ne $value) { $words = Get-SbxWords $value }\n"
	"    elseif ($wordToComplete.StartsWith('-')) { $words = $SbxOptions[$path] -split ' ' }\n"
	"    else { $words = Get-SbxWords $SbxArguments[\"$path $([Math]::Min($count, 1))\"] }\n"
	"    $words | Where-Object { $_ -and $_.StartsWith($wordToComplete) } | ForEach-Object {\n"
	"        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', "
	"$_)\n"
	"    }\n"
	"}\n";

static void powershell_values(const char *path, const char *dashes, const char *name,
			      const struct option *option, FILE *to)
{
	(void)fprintf(to, "$SbxValues['%s %s%s'] = '%s ", path, dashes, name,
		      kind_name(option->choices != NULL ? COMPLETE_CHOICES : option->complete));
	print_words(option->choices, to);
	(void)fputs("'\n", to);
}

/* What stands as an argument: 0 the first one, 1 those after it. */
static void powershell_arguments(const char *path, const struct command *command, FILE *to)
{
	if (command->commands == NULL) {
		(void)fprintf(to, "$SbxArguments['%s 0'] = '%s'\n", path,
			      kind_name(command->first));
		(void)fprintf(to, "$SbxArguments['%s 1'] = '%s'\n", path, kind_name(command->rest));
		return;
	}
	(void)fprintf(to, "$SbxArguments['%s 1'] = $SbxArguments['%s 0'] = 'words", path, path);
	command_for_each (c, command) {
		if (!c->hidden)
			(void)fprintf(to, " %s", c->name);
	}
	(void)fputs("'\n", to);
}

static void powershell_command(const char *path, const struct command *command, FILE *to)
{
	(void)fprintf(to, "$SbxOptions['%s'] = '--help --debug", path);
	command_for_each_option (option, command) {
		if (!option->hidden)
			(void)fprintf(to, " --%s", option->name);
	}
	(void)fputs("'\n", to);
	command_for_each_option (option, command) {
		const char letter[2] = { option->letter, '\0' };

		if (!option_has_argument(option))
			continue;
		powershell_values(path, "--", option->name, option, to);
		if (option->letter != 0)
			powershell_values(path, "-", letter, option, to);
	}
	powershell_arguments(path, command, to);
}

void completion_print_powershell(const struct command *root, FILE *to)
{
	(void)fputs(powershell_tables, to);
	visit("", root, powershell_command, to);
	(void)fputs(powershell_functions, to);
}
