/*
 * What sbxd says (wire/proxy.h), gathered and put in force whole; and what it
 * is told. sbxd comes and goes: the last that was said stays in force, events
 * that nobody takes are dropped and counted.
 */
#ifndef SBX_PROXY_CONTROL_H
#define SBX_PROXY_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/loop.h"
#include "credential/credential.h"
#include "sbx-proxy/secrets.h"
#include "sbx-proxy/upstream.h"
#include "wire/net.h"
#include "wire/proxy.h"
#include "wire/stream.h"

struct leaves;
struct oauth_tokens;
struct policy;
struct policy_reader;
struct trust;

/* What is in force; absent until it was told. */
struct orders {
	struct policy *policy;	 /* owned; NULL: all is denied */
	struct secrets *secrets; /* owned; NULL: none */
	struct trust *trust;	 /* owned; NULL: no origin is believed */
	struct leaves *leaves;	 /* owned; NULL: nothing can be intercepted */
	struct upstream upstream;
	bool has_upstream;
};

struct control {
	struct loop *loop; /* weak */
	struct loop_watch door, watch;
	struct stream stream; /* fd -1: sbxd is not there */
	int fd;		      /* owned */
	int passed;	      /* owned: a descriptor that came with the frame begun last; -1 */
	struct orders orders;
	struct policy_reader *reader; /* owned */
	struct credential *gathered;  /* owned, CREDENTIALS_MAX; between BEGIN and END */
	size_t gathered_count;
	struct list agents; /* struct agent_wish */
	uint64_t last_id;
	uint64_t dropped;	      /* events that nobody took */
	void *owner;		      /* weak */
	void (*changed)(void *owner); /* orders are others; judge what is open anew */
};

int control_init(struct control *control, struct loop *loop, int listening, void *owner,
		 void (*changed)(void *owner));
void control_finish(struct control *control);

/* Events. */
void control_tell_verdict(struct control *control, const struct net_verdict *verdict);
void control_tell(struct control *control, uint16_t type, const char *name, const char *target,
		  const char *text);
/* OAuth tokens for the vault; expires: seconds since 1970, 0: not known. */
void control_tell_tokens(struct control *control, const char *name,
			 const struct oauth_tokens *tokens, uint64_t expires);

/* A wish for the host's SSH agent. A member of its owner; end it before the owner goes. */
struct agent_wish {
	struct list node;
	uint64_t id;
	/* fd: connected, owned by the callee; -1: there is none. Off the list already. */
	void (*answered)(struct agent_wish *wish, int fd);
};

void agent_wish_init(struct agent_wish *wish, void (*answered)(struct agent_wish *wish, int fd));
/* -ENOTCONN: sbxd is not there; -ENOBUFS: it does not read. Then nobody answers. */
int control_want_agent(struct control *control, struct agent_wish *wish);
void agent_wish_end(struct agent_wish *wish);

#endif
