/*
 * The audit file: one JSON object a line, each with the SHA-256 of the line
 * before it, so that a changed, removed or reordered line shows. Appended with
 * O_APPEND and fdatasync'ed in batches; rotated by size, the new file begins with the
 * last hash of the old.
 *
 * {"n":17,"time":"…Z","event":"network","sandbox":"web","…":…,"prev":"<hex>","hash":"<hex>"}
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <jansson.h>
#include <stdint.h>

struct audit;
struct err;

enum { AUDIT_LINE_MAX = 8192, AUDIT_FILE_MAX = 64 << 20 };

/* Finds the end of the chain of an earlier run; a cut last line is moved aside and told. */
int audit_open(const char *folder, struct audit **ret, struct err *err);
void audit_close(struct audit *audit);

/* event: "network", "secret", "exec", "mount", "policy", "port", "sandbox". Thread-safe. Takes
 * `details`. */
int audit_append(struct audit *audit, const char *event, const char *sandbox, json_t *details,
		 struct err *err);

/* Checks a whole chain of files; *ret_lines how many were right. -EBADMSG and where it breaks. */
int audit_verify(const char *folder, uint64_t *ret_lines, struct err *err);

#endif
