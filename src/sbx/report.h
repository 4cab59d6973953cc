/*
 * What every command says in the same way: errors, questions, sizes, times,
 * JSON.
 */
#ifndef SBX_REPORT_H
#define SBX_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* "ERROR: sentence" on stderr, harmless to a terminal. */
void report_error(const struct err *err);

/* "WARNING: sentence", likewise. */
void report_warning(const char *text);

/* A JSON document on stdout, with a newline. */
int report_json(const json_t *document, struct err *err);

/*
 * Asks a yes-or-no question on the terminal. 0 when it was answered yes or
 * force is true; -ECANCELED when it was answered no; -ENOTTY when nobody can
 * be asked.
 */
int report_confirm(bool force, const char *question, struct err *err);

/* The option -f, --force of a command that asks so. */
#define REPORT_FORCE_ROW(values, member)                                 \
	{                                                                \
		.name = "force", .letter = 'f', .kind = OPTION_FLAG,     \
		.offset = offsetof(values, member), .help = "do not ask" \
	}

/* "32 GiB", "1.5 MiB", "512 B". */
void report_size(uint64_t bytes, char *ret, size_t size);

#endif
