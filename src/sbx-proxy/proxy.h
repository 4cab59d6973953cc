/*
 * What all connections of this program share.
 */
#ifndef SBX_PROXY_PROXY_H
#define SBX_PROXY_PROXY_H

#include "base/list.h"
#include "base/loop.h"
#include "sbx-proxy/control.h"
#include "sbx-proxy/link.h"
#include "sbx-proxy/patience.h"

enum {
	PROXY_FLOWS_MAX = 8192,
	PROXY_AGENTS_MAX = 32, /* of them, to the SSH agent, which the host needs too */
	PROXY_SCRATCH_SIZE = 65536,
	/* Each costs 16 KiB, most of it OpenSSL's. Who comes back opens another. */
	PROXY_RESTING_MAX = 448, /* connections of the guest between two requests */
	PROXY_SPARES_MAX = 32,	 /* of them, with an origin that nothing is asked of */

	PROXY_HEAD_MS = 30 * 1000,    /* a client that wants something says so */
	PROXY_CONNECT_MS = 60 * 1000, /* an origin, and what lies before it, answers */
	PROXY_HUSH_MS = 300,	      /* a client that lets the server speak first */
	PROXY_TRIM_MS = 5 * 1000,
	PROXY_SPARE_MS = 15 * 1000,	    /* an origin that nothing is asked of */
	PROXY_REST_MS = 120 * 1000,	    /* between two requests */
	PROXY_SILENCE_MS = 2 * 3600 * 1000, /* within one, or in a tunnel */
};

struct proxy {
	struct loop *loop; /* owned */
	struct link link;
	struct control control;
	struct patience head, connect, hush, spare, rest, silence;
	struct list flows; /* struct flow */
	struct list ended; /* struct flow that nobody may touch any more */
	unsigned flows_count, agents_count;
	struct loop_timer trimmer;
	struct loop_timer reaper; /* frees those, when no callback of theirs is running */
	/* Bytes on their way within one call; never kept from one call to the next. */
	uint8_t scratch[PROXY_SCRATCH_SIZE];
};

/* It owns neither descriptor: they last as long as the process. */
int proxy_create(int link_fd, int control_fd, struct proxy **ret);
void proxy_destroy(struct proxy *proxy);

/* A connection was freed: what a crowd of them used goes back to the host, in a while. */
void proxy_freed(struct proxy *proxy);

/* A flow that ended: freed when no callback of it runs any more. */
void proxy_bury(struct proxy *proxy, struct list *flow);

#endif
