/*
 * Verdicts on their way to sbxd: the first of a kind at once, equal ones that
 * follow within VERDICTS_WINDOW_MS as one with a count. They wait while sbxd is
 * away, VERDICTS_MAX kinds of them; what does not fit is counted as lost, and
 * told as one verdict without a name.
 */
#ifndef SBX_NET_VERDICTS_H
#define SBX_NET_VERDICTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/loop.h"
#include "policy/policy.h"
#include "wire/net.h"

struct ruling;

enum { VERDICTS_MAX = 512, VERDICTS_WINDOW_MS = 1000 };

struct verdict_entry {
	struct net_verdict verdict; /* its count: not told yet */
	uint64_t hash;
	uint64_t due_ms; /* not told again before */
};

struct verdicts {
	struct loop *loop; /* weak */
	struct loop_timer timer;
	/* Sends one; -errno: not now, verdicts_resume() is called when it may be tried again. */
	int (*send)(void *owner, const struct net_verdict *verdict);
	void *owner;
	size_t count;
	uint64_t lost;
	struct verdict_entry entry[VERDICTS_MAX];
};

/* What happened, besides the verdict. */
struct verdict_event {
	const char *name;   /* NULL: none */
	struct endpoint to; /* family NONE, port 0: not known */
	enum policy_protocol protocol;
	enum net_path path;
};

void verdicts_init(struct verdicts *verdicts, struct loop *loop,
		   int (*send)(void *owner, const struct net_verdict *verdict), void *owner);
void verdicts_finish(struct verdicts *verdicts);

void verdicts_add(struct verdicts *verdicts, const struct policy_verdict *verdict,
		  const struct verdict_event *event);

/* A connection or datagram that does not go through sbx-proxy. */
void verdicts_connection(struct verdicts *verdicts, const struct ruling *ruling,
			 const struct endpoint *to, enum policy_protocol protocol);

/* Tells what waits. */
void verdicts_resume(struct verdicts *verdicts);

#endif
