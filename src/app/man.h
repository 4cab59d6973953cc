/*
 * Manual pages in roff (man(7) macros), written from the tables of options.h:
 * one for the program and one for each of its commands. Sub-commands of a
 * command stand in its page.
 */
#ifndef APP_MAN_H
#define APP_MAN_H

#include <stdio.h>

struct command;

/* A section of the program's page. Lines "term\ttext" make a list, an empty line a paragraph. */
struct man_section {
	const char *title; /* upper case; NULL ends the table */
	const char *text;
};

struct man_config {
	const char *version;
	const struct command *root;
	const struct man_section *sections;
};

/* Writes the page called page, "sbx" or "sbx-run"; -ENOENT when there is none. */
int man_print(const struct man_config *config, const char *page, FILE *to);

#endif
