/*
 * What was allowed and denied, per sandbox: one entry for each host, port, path
 * and reason, with a count and the time of the last. Kept by name, also when
 * the sandbox is removed, and over restarts of the daemon:
 * STATE/policy/log/NAME.json, written at most once a second by a thread of the log.
 * Bounded; the entry that was seen longest ago makes place.
 *
 * Denials that no rule made (implicit ones) are also what approvals are about.
 */
#ifndef SBXD_POLICY_LOG_H
#define SBXD_POLICY_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct net_verdict;
struct policy_log;
struct supervisor;

enum { POLICY_LOG_ENTRIES = 512, POLICY_LOG_SANDBOXES = 2048, POLICY_LOG_BYTES_MAX = 4 << 20 };

/* state: the folder of the daemon. A file that cannot be read is moved aside and told by err. */
int policy_log_create(const char *state, struct policy_log **ret, struct err *err);
/* Writes what is not written yet. */
void policy_log_destroy(struct policy_log *log);

/* Takes note of a verdict of sbx-net or sbx-proxy, and writes it to the audit file. Thread-safe. */
void policy_log_take(struct supervisor *supervisor, const char *sandbox,
		     const struct net_verdict *verdict);

/* The log alone. */
void policy_log_add(struct policy_log *log, const char *sandbox, const struct net_verdict *verdict,
		    int64_t now);

/*
 * Entries, the latest first, as JSON objects:
 * {"sandbox","host","name","address","port","protocol","proxy_type","decision","deny_kind",
 *  "rule","reason","method","path","count","since","last_seen"}; numbers for times.
 * sandbox NULL: of all. NULL when memory is out.
 */
json_t *policy_log_view(struct policy_log *log, const char *sandbox);

/* Forgets the entries of a sandbox, or all. */
void policy_log_clear(struct policy_log *log, const char *sandbox);

#endif
