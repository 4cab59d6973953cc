/*
 * What the checks of `sbx diagnose` add up to; the files diagnose*.c share it.
 */
#ifndef SBXD_DIAGNOSE_REPORT_H
#define SBXD_DIAGNOSE_REPORT_H

#include <jansson.h>

struct sandbox;
struct supervisor;

enum verdict { VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL, VERDICT_SKIP, VERDICTS };

struct report {
	struct supervisor *supervisor; /* weak */
	json_t *checks, *sandboxes;    /* owned */
	int counts[VERDICTS];
};

/* All weak. The name tells a check from all others. */
struct finding {
	const char *group, *name, *message, *detail, *hint; /* the last two may be NULL */
	enum verdict verdict;
};

void report_add(struct report *report, const struct finding *finding);

/* diagnose_network.c. The way out: resolvers, proxy, vault, policy, audit file. */
void diagnose_network(struct report *report);

/* And that of one that runs: what its policy says of two names, and that it is in force. */
void diagnose_sandbox_network(struct report *report, struct sandbox *sandbox);

#endif
