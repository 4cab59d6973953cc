#include "sbx/commands.h"

#include "app/completion.h"

static int run_bash(const struct invocation *invocation, struct err *err)
{
	(void)err;
	completion_print_bash(invocation->path[0], stdout);
	return 0;
}

static int run_zsh(const struct invocation *invocation, struct err *err)
{
	(void)err;
	completion_print_zsh(invocation->path[0], stdout);
	return 0;
}

static int run_fish(const struct invocation *invocation, struct err *err)
{
	(void)err;
	completion_print_fish(invocation->path[0], stdout);
	return 0;
}

static int run_powershell(const struct invocation *invocation, struct err *err)
{
	(void)err;
	completion_print_powershell(invocation->path[0], stdout);
	return 0;
}

static const struct command bash = {
	.name = "bash",
	.summary = "Print completion for bash",
	.examples =
		"source <(sbx completion bash)\tfor this shell\n"
		"sbx completion bash > ~/.local/share/bash-completion/completions/sbx\tfor all",
	.run = run_bash,
};

static const struct command zsh = {
	.name = "zsh",
	.summary = "Print completion for zsh",
	.examples = "source <(sbx completion zsh)\tfor this shell, after compinit",
	.run = run_zsh,
};

static const struct command fish = {
	.name = "fish",
	.summary = "Print completion for fish",
	.examples = "sbx completion fish > ~/.config/fish/completions/sbx.fish\tfor all",
	.run = run_fish,
};

static const struct command powershell = {
	.name = "powershell",
	.summary = "Print completion for PowerShell",
	.examples =
		"sbx completion powershell | Out-String | Invoke-Expression\tin the file $PROFILE",
	.run = run_powershell,
};

static const struct command *const commands[] = { &bash, &zsh, &fish, &powershell, NULL };

const struct command cmd_completion = {
	.name = "completion",
	.section = "Other",
	.summary = "Print completion for a shell",
	.commands = commands,
};
