/* The sub-commands of `sbx template` that have a file of their own. */
#ifndef SBX_TEMPLATE_COMMANDS_H
#define SBX_TEMPLATE_COMMANDS_H

#include <jansson.h>

struct client;
struct command;
struct err;

extern const struct command template_save;   /* cmd_template_save.c */
extern const struct command template_export; /* cmd_template_export.c */

/* Writes the archive of a template to a file, which is replaced when it is complete. */
int template_export_to(struct client *client, const json_t *template, const char *file,
		       struct err *err);

#endif
