/* The sub-commands of `sbx template` that have a file of their own. */
#ifndef SBX_TEMPLATE_COMMANDS_H
#define SBX_TEMPLATE_COMMANDS_H

#include "app/options.h"
#include <jansson.h>

struct client;
struct command;
struct err;

extern const struct command template_build;  /* cmd_template_build.c */
extern const struct command template_save;   /* cmd_template_save.c */
extern const struct command template_export; /* cmd_template_export.c */

/* What to build, as the user said it. */
struct template_build {
	const char *folder;
	const char *file;	 /* the Dockerfile, within `folder`; NULL: its Dockerfile */
	const char *tag;	 /* what to call it; NULL: by the folder's name */
	const char *target;	 /* a stage of the Dockerfile; NULL: the last one */
	struct option_list args; /* "K=V", or "K" with the value of this process */
};

/* Builds it in a sandbox that is gone afterwards; *ret is the template's object, owned. */
int template_build_run(struct client *client, const struct template_build *wanted, json_t **ret,
		       struct err *err);

/* Writes the archive of a template to a file, which is replaced when it is complete. */
int template_export_to(struct client *client, const json_t *template, const char *file,
		       struct err *err);

#endif
