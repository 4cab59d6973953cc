/*
 * One line of the audit file, made and checked; no I/O.
 *
 * The hash is SHA-256 over the line's bytes up to, not including, `,"hash":`.
 * As `prev` stands before it, each hash covers all lines before its own.
 */
#ifndef AUDIT_CHAIN_H
#define AUDIT_CHAIN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

enum { CHAIN_HASH_SIZE = 65 }; /* hexadecimal, with the NUL */

/* Where a chain stands: what its next line must have. */
struct chain {
	uint64_t next;		    /* its "n" */
	char prev[CHAIN_HASH_SIZE]; /* the hash of the line before; of none: zeros */
};

void chain_init(struct chain *chain);

/*
 * Appends a line with '\n' to buf and moves the chain on. details: an object
 * whose members stand in the line; not taken over. A line that would be longer
 * than AUDIT_LINE_MAX has "cut": true in their place.
 */
int chain_format(struct chain *chain, int64_t seconds, const char *event, const char *sandbox,
		 const json_t *details, struct buf *buf);

/* Checks a line without its '\n' and moves the chain on. -EBADMSG and what is wrong. */
int chain_check(struct chain *chain, const char *line, size_t len, struct err *err);

/*
 * Takes a chain up behind a line whose own hash is right, whatever was before
 * it. -EBADMSG.
 */
int chain_resume(struct chain *chain, const char *line, size_t len);

#endif
