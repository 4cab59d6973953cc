/*
 * The environment that `sbx env` was asked for: which files say it, and what they
 * say together (envfile/envfile.h).
 */
#ifndef SBX_ENVIRONMENT_H
#define SBX_ENVIRONMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "app/options.h"
#include "envfile/envfile.h"
#include "sbx/kit_options.h"

struct err;

struct environment_options {
	const char *name; /* NULL: the files', or AGENT-FOLDER */
	struct option_list args, args_files;
	bool clone, no_clone;
	struct kit_options kits; /* values of kits' arguments, and nothing else of it */
};

extern const struct option environment_option_rows[];

struct environment {
	json_t *env;			/* what the files say */
	char *name;			/* of the sandbox; owned, as all */
	char *project;			/* the folder of the first file */
	char *files[ENVFILE_FILES_MAX]; /* absolute; the user's defaults first */
	size_t files_count;
	char **kit_args; /* "[KIT.]NAME=VALUE": the files', then the options'; ends with NULL */
};

#define ENVIRONMENT_INIT    \
	{                   \
		.env = NULL \
	}

/*
 * Finds the files: those of paths, a folder's sbxenv.yaml or .sbxenv.yaml; without a path the
 * current folder's, over the user's ~/.sbxenv.yaml, or that alone. Reads and resolves them.
 */
int environment_read(const struct environment_options *options, const char *const *paths,
		     size_t count, struct environment *ret, struct err *err);
void environment_finish(struct environment *environment);

/* A member of the environment, or a member of a member; weak, NULL when it is not there. */
const json_t *environment_get(const struct environment *environment, const char *key,
			      const char *member);

/* The same as a string, "" when it is not there. */
const char *environment_text(const struct environment *environment, const char *key,
			     const char *member);

/* Whether a command on this machine tells the login of one of `registries`. */
bool environment_registry_runs(const json_t *registry);

#endif
