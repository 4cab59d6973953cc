/* The sub-commands of `sbx template` that have a file of their own. */
#ifndef SBX_TEMPLATE_COMMANDS_H
#define SBX_TEMPLATE_COMMANDS_H

#include <jansson.h>
#include <stddef.h>

struct client;
struct command;
struct err;

extern const struct command template_build;  /* cmd_template_build.c */
extern const struct command template_save;   /* cmd_template_save.c */
extern const struct command template_export; /* cmd_template_export.c */

/* What to build: `file` is within `folder`, NULL is Dockerfile; `args` are "K=V". */
struct template_build {
	const char *folder, *file, *tag;
	const char *const *args;
	size_t args_count;
};

/* Builds it in a sandbox that is gone afterwards; *ret is the template's object, owned. */
int template_build_run(struct client *client, const struct template_build *wanted, json_t **ret,
		       struct err *err);
/* The same, and tells how to use it. */
int template_build_print(struct client *client, const struct template_build *wanted,
			 struct err *err);

/* Writes the archive of a template to a file, which is replaced when it is complete. */
int template_export_to(struct client *client, const json_t *template, const char *file,
		       struct err *err);

#endif
