#include "sbx/commands.h"

#include <stddef.h>

static const struct command *const commands[] = {
	&cmd_run,    &cmd_create,   &cmd_exec,	   &cmd_ls,	&cmd_stop,	 &cmd_rm,
	&cmd_prune,  &cmd_cp,	    &cmd_mount,	   &cmd_ports,	&cmd_logs,	 &cmd_inspect,
	&cmd_disk,   &cmd_df,	    &cmd_template, &cmd_branch, &cmd_review,	 &cmd_env,
	&cmd_kit,    &cmd_policy,   &cmd_secret,   &cmd_login,	&cmd_logout,	 &cmd_audit,
	&cmd_daemon, &cmd_diagnose, &cmd_settings, &cmd_reset,	&cmd_completion, &cmd_version,
	&cmd_help,   &cmd_man,	    &cmd_words,	   &cmd_attach, &cmd_mcp,	 &cmd_move,
	&cmd_setup,  &cmd_skills,   &cmd_ssh,	   &cmd_ttl,	&cmd_tui,	 &cmd_volume,
	NULL,
};

/* The older form differs in how sandboxes are made and removed. */
static const struct command *const older_commands[] = {
	&cmd_run,   &cmd_create_older, &cmd_exec,     &cmd_ls,	   &cmd_stop,	  &cmd_rm_older,
	&cmd_prune, &cmd_cp,	       &cmd_mount,    &cmd_ports,  &cmd_logs,	  &cmd_inspect,
	&cmd_disk,  &cmd_df,	       &cmd_template, &cmd_kit,	   &cmd_policy,	  &cmd_secret,
	&cmd_login, &cmd_logout,       &cmd_audit,    &cmd_daemon, &cmd_diagnose, &cmd_settings,
	&cmd_reset, &cmd_completion,   &cmd_version,  &cmd_help,   NULL,
};

const struct command sbx_root = {
	.name = "sbx",
	.summary = "Sandboxes for coding agents: a microVM each, with its own kernel",
	.description =
		"A sandbox sees the folders it was given and nothing else of this machine, and is "
		"gone\n"
		"when it is removed.",
	.examples = "sbx run\ta shell in a sandbox, on the current folder",
	.commands = commands,
};

const struct command older_root = {
	.name = "docker-sandbox",
	.summary = "The older form of sbx",
	.commands = older_commands,
};

const struct man_section sbx_man_sections[] = {
	{ "EXIT STATUS",
	  "0\tIt was done.\n"
	  "1\tIt failed or was refused; a sentence on stderr says why. Also: a check of\n"
	  "diagnose failed, or daemon status found no daemon.\n"
	  "2\tThe command line is wrong: an unknown command or option, or arguments that are "
	  "missing.\n"
	  "126, 127\trun and exec: the command cannot be run; there is no such command.\n"
	  "other\trun and exec: the status of the command, or 128 plus the number of the signal "
	  "that\n"
	  "ended it." },
	{ "ENVIRONMENT",
	  "SBX_APP_NAME\tWork with another instance, which has its own daemon, sandboxes and "
	  "state.\n"
	  "NO_COLOR\tWhen set and not empty, print no colour.\n"
	  "XDG_RUNTIME_DIR, XDG_STATE_HOME\tWhere the socket and the state are.\n"
	  "SBX_KERNEL, SBX_TEMPLATES, SBX_INITRAMFS\tPaths of the guest's kernel, templates and "
	  "initramfs, "
	  "when "
	  "sbxd\nis to use others than the installed ones.\n"
	  "SBX_VAULT_PASSPHRASE_FILE\tA file with the passphrase of the vault, for sbxd." },
	{ "FILES",
	  "$XDG_RUNTIME_DIR/sbx/sbxd.sock\tThe socket of the daemon (below /tmp without that "
	  "variable).\n"
	  "~/.local/state/sbx\tThe state: a folder for each sandbox, and sbxd.log." },
	{ NULL, NULL },
};
