/*
 * Completion scripts for shells, written from the tables of options.h.
 *
 * A script holds the words of every command and asks the program itself for
 * what changes: `PROGRAM ls -q` names the sandboxes.
 */
#ifndef APP_COMPLETION_H
#define APP_COMPLETION_H

#include <stdio.h>

struct command;

void completion_print_bash(const struct command *root, FILE *to);
void completion_print_zsh(const struct command *root, FILE *to);
void completion_print_fish(const struct command *root, FILE *to);
void completion_print_powershell(const struct command *root, FILE *to);

#endif
