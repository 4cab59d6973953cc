/*
 * A connection to where the guest wants to go: sbx-net dials, an upstream proxy
 * is talked through, TLS is spoken and the origin's certificate verified. It
 * settles once: open, or failed with a reason for people.
 */
#ifndef SBX_PROXY_ORIGIN_H
#define SBX_PROXY_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "sbx-proxy/channel.h"
#include "sbx-proxy/link.h"
#include "sbx-proxy/patience.h"
#include "sbx-proxy/upstream.h"
#include "tls/client_hello.h"

struct proxy;

enum { ORIGIN_NAME_MAX = CLIENT_HELLO_NAME_MAX };

/*
 * DIALLING	sbx-net was asked; there is no socket.
 * TALKING	the socket leads to an upstream proxy.
 * SHAKING	TLS is being agreed on.
 * OPEN		the channel is the owner's to use.
 * FAILED	`failure` says why; the channel is closed.
 */
enum origin_state {
	ORIGIN_DIALLING,
	ORIGIN_TALKING,
	ORIGIN_SHAKING,
	ORIGIN_OPEN,
	ORIGIN_FAILED,
};

/* Why the guest does not get what it asked for. Strings owned. */
struct refusal {
	int error;  /* positive errno; EACCES: the policy */
	char *rule; /* NULL: none */
	char *text; /* a sentence; NULL: none */
};

void refusal_finish(struct refusal *refusal);
/* Copies of rule and text, which may be NULL. */
void refusal_set(struct refusal *refusal, int error, const char *rule, const char *text);

struct origin_target {
	uint64_t flow;
	char name[ORIGIN_NAME_MAX + 1]; /* a host or an address; "": the flow's own address */
	uint16_t port;
	bool is_tls;
	unsigned alpn; /* enum alpn; offered */
};

struct origin {
	struct proxy *proxy; /* weak */
	struct channel channel;
	struct dial dial;
	struct patience_wait patience;
	struct upstream_talk talk;
	struct buf said; /* to the upstream proxy, not sent yet */
	struct buf heard;
	struct origin_target target;
	enum origin_state state;
	struct refusal failure;
	struct address address; /* that it leads to; NONE: unknown */
	/* May be changed when it is handed on. Each may destroy the origin. */
	void *owner;				/* weak */
	void (*settled)(struct origin *origin); /* once */
	void (*ready)(struct origin *origin);	/* then: the channel's */
};

struct origin_config {
	struct proxy *proxy;
	const struct origin_target *target;
	const char *address; /* weak: of a flow without a name, for an upstream proxy */
	void *owner;
	void (*settled)(struct origin *origin);
	void (*ready)(struct origin *origin);
};

/* Owned by the caller; NULL: no memory. settled is never called from here. */
struct origin *origin_create(const struct origin_config *config);
void origin_destroy(struct origin *origin);

#endif
