/*
 * The audit file: one JSON object a line, each with the SHA-256 of the line
 * before it, so that a changed, removed or reordered line shows. Appended with
 * O_APPEND and fdatasync'ed in batches; rotated by size, the new file begins with the
 * last hash of the old.
 *
 * {"n":17,"time":"…Z","event":"network","sandbox":"web","…":…,"prev":"<hex>","hash":"<hex>"}
 *
 * Files are audit-000001.jsonl and up. Who can write them can also compute a
 * chain anew, or cut its end off: keep the last hash that audit_verify() tells
 * somewhere else to see that too.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <jansson.h>
#include <stdint.h>

struct audit;
struct err;

enum { AUDIT_LINE_MAX = 8192, AUDIT_FILE_MAX = 64 << 20, AUDIT_HASH_SIZE = 65 };

/*
 * Finds the end of the chain of an earlier run. A cut last line is moved aside
 * to a file .cut, and told by a line of event "audit"; so is a last line that is not
 * ours, after which a new file begins.
 */
int audit_open(const char *folder, struct audit **ret, struct err *err);
void audit_close(struct audit *audit);

/* event: "network", "secret", "exec", "mount", "policy", "port", "sandbox". sandbox may be NULL.
 * Thread-safe. Takes `details`, an object. */
int audit_append(struct audit *audit, const char *event, const char *sandbox, json_t *details,
		 struct err *err);

struct audit_report {
	uint64_t lines;		    /* how many were right */
	char last[AUDIT_HASH_SIZE]; /* the hash of the last of them */
};

/* Checks a whole chain of files. -EBADMSG and where it breaks; *ret is filled even then. */
int audit_verify(const char *folder, struct audit_report *ret, struct err *err);

/* Gives each line, without its '\n', to take; whether the chain is right is audit_verify()'s. */
int audit_read(const char *folder, void (*take)(void *context, const char *line), void *context,
	       struct err *err);

/* For the tests of rotation: a file gets no longer than that. */
void audit_set_file_max(struct audit *audit, uint64_t bytes);

#endif
