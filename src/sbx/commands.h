/*
 * The commands of sbx, one a file (cmd_NAME.c), and the trees they stand in.
 */
#ifndef SBX_COMMANDS_H
#define SBX_COMMANDS_H

#include "app/man.h"
#include "app/options.h"

/* sbx, docker-sandbox with the older form of some commands, and git-remote-sbx. */
extern const struct command sbx_root, older_root, remote_root;

/* Sections of the page sbx(1) that no table has. */
extern const struct man_section sbx_man_sections[];

/* Hidden ones that only say what to do instead (cmd_absent.c). */
extern const struct command cmd_attach, cmd_mcp, cmd_move, cmd_setup, cmd_skills, cmd_ssh, cmd_ttl,
	cmd_tui, cmd_volume;

extern const struct command cmd_audit;
extern const struct command cmd_branch;
extern const struct command cmd_branch_diff;
extern const struct command cmd_branch_fetch;
extern const struct command cmd_branch_merge;
extern const struct command cmd_branch_rm;
extern const struct command cmd_completion;
extern const struct command cmd_cp;
extern const struct command cmd_create;
extern const struct command cmd_create_older;
extern const struct command cmd_daemon;
extern const struct command cmd_df;
extern const struct command cmd_diagnose;
extern const struct command cmd_disk;
extern const struct command cmd_env;
extern const struct command cmd_exec;
extern const struct command cmd_help;
extern const struct command cmd_inspect;
extern const struct command cmd_kit;
extern const struct command cmd_login;
extern const struct command cmd_logout;
extern const struct command cmd_logs;
extern const struct command cmd_ls;
extern const struct command cmd_man;
extern const struct command cmd_mount;
extern const struct command cmd_ports;
extern const struct command cmd_policy;
extern const struct command cmd_prune;
extern const struct command cmd_reset;
extern const struct command cmd_review;
extern const struct command cmd_rm;
extern const struct command cmd_rm_older;
extern const struct command cmd_run;
extern const struct command cmd_secret;
extern const struct command cmd_secret_delete;
extern const struct command cmd_secret_import;
extern const struct command cmd_secret_ls;
extern const struct command cmd_secret_passphrase;
extern const struct command cmd_secret_rm;
extern const struct command cmd_secret_set;
extern const struct command cmd_secret_set_custom;
extern const struct command cmd_secret_unlock;
extern const struct command cmd_secret_unset;
extern const struct command cmd_settings;
extern const struct command cmd_stop;
extern const struct command cmd_template;
extern const struct command cmd_version;
extern const struct command cmd_words;

#endif
