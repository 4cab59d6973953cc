/*
 * What was allowed and denied, per sandbox: one entry for each host, path and
 * reason, with a count and the time of the last. Kept by name, also when the
 * sandbox is removed, and over restarts of the daemon: STATE/policy/log/NAME.json.
 * Bounded; the entry that was seen longest ago makes place.
 *
 * Denials that no rule made (implicit ones) are also what approvals are about.
 */
#ifndef SBXD_POLICY_LOG_H
#define SBXD_POLICY_LOG_H

struct net_verdict;
struct supervisor;

/* Takes note of a verdict of sbx-net or sbx-proxy, and writes it to the audit file. Thread-safe. */
void policy_log_take(struct supervisor *supervisor, const char *sandbox,
		     const struct net_verdict *verdict);

#endif
