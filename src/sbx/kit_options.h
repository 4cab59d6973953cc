/*
 * --kit, --kit-arg and --kit-args-file, for every command that makes a
 * sandbox: from them and the agent's word to what POST /sandbox is told.
 */
#ifndef SBX_KIT_OPTIONS_H
#define SBX_KIT_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>

#include "app/options.h"

struct err;
struct resolved_kit;

struct kit_options {
	struct option_list kits, args, args_files;
	bool yes; /* agree to what the kits ask for */
};

/* Rows of all four; of those without --kit and --yes. */
extern const struct option kit_option_rows[], kit_argument_rows[];

/* Everything is owned. */
struct kit_prepared {
	json_t *kit; /* the resolved kit (kit/resolve.h): the member "kit" */
	char *files; /* path of the archive: the member "kit_files"; NULL: no files */
};

/*
 * Resolves the sandbox kit (a built-in name or a reference) with the options,
 * tells warnings on stderr, and asks for consent to what kits of others want.
 * The archive is a temporary file, removed by kit_prepared_finish(). -errno
 * with a sentence; -ECANCELED when consent was refused.
 */
int kit_prepare(const struct kit_options *options, const char *kit, struct kit_prepared *ret,
		struct err *err);
void kit_prepared_finish(struct kit_prepared *prepared);

/* The first half of it: only resolves. *ret must be finished. */
int kit_resolve_options(const struct kit_options *options, const char *kit,
			struct resolved_kit *ret, struct err *err);

/* Sentences of kits on stderr, harmless to a terminal. */
void kit_print_warnings(const json_t *warnings);

/*
 * "[KIT.]NAME=VALUE" strings: of the files in their order, then of --kit-arg.
 * *ret is a list ending in NULL, freed by kit_values_free().
 */
int kit_values_read(const struct kit_options *options, char ***ret, size_t *ret_count,
		    struct err *err);
void kit_values_free(char **values);

#endif
