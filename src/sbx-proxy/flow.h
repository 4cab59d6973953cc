/*
 * One connection of the guest, from its first byte to its end.
 *
 * SNIFFING	the first bytes are read to see what it is. Nothing was decided.
 * DIALLING	it is known where it leads; the origin is being connected to.
 * SHAKING	our TLS with the guest: to look into it, or to show why not.
 * TUNNEL	bytes pass, not looked into.
 * HTTP		a session has it.
 * AGENT	the host's SSH agent has it.
 *
 * A flow that ended is freed when none of its callbacks runs any more.
 */
#ifndef SBX_PROXY_FLOW_H
#define SBX_PROXY_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/list.h"
#include "sbx-proxy/channel.h"
#include "sbx-proxy/origin.h"
#include "sbx-proxy/patience.h"
#include "sbx-proxy/tunnel.h"
#include "wire/net.h"

struct agent;
struct proxy;
struct session;

enum flow_stage {
	FLOW_SNIFFING,
	FLOW_DIALLING,
	FLOW_SHAKING,
	FLOW_TUNNEL,
	FLOW_HTTP,
	FLOW_AGENT,
};

struct flow {
	struct list node;    /* of the proxy's flows, or of those that ended */
	struct proxy *proxy; /* weak */
	uint64_t id;
	char address[ADDRESS_TEXT_MAX]; /* transparent: where the guest connected to */
	uint16_t port;			/* there, or that CONNECT said */
	enum flow_stage stage;
	bool is_ended;
	bool is_connect; /* within a CONNECT; name is what it said */
	bool is_tls;	 /* the guest speaks TLS */
	bool intercepts; /* and is to be looked into */
	unsigned alpn;	 /* what the guest offered that we know */
	bool has_alpn;
	char name[ORIGIN_NAME_MAX + 1]; /* where it leads, as was checked; "": by its address */
	struct channel guest;
	struct buf first; /* bytes of it that were looked at */
	struct patience_wait patience;
	struct origin *origin; /* owned */
	struct tunnel tunnel;
	struct session *session; /* owned */
	/* When it was last looked at: its requests, and whether one was under way. */
	uint64_t served;
	bool is_busy;
	struct agent *agent;	/* owned */
	struct refusal refusal; /* to be shown */
};

/* Owns fd, also when it fails: then it is closed. */
void flow_begin(struct proxy *proxy, const struct net_message *message, int fd);
/* Its end; freed later. */
void flow_end(struct flow *flow);
/* Now. */
void flow_destroy(struct flow *flow);
/* The policy is another. */
void flow_judge(struct flow *flow);

#endif
