/*
 * The host's SSH agent for the guest: it may list public keys and ask for
 * signatures (draft-miller-ssh-agent: 11 and 13); every other message is answered
 * with FAILURE and never reaches the agent. One message at a time, whole, bounded.
 */
#ifndef SBX_PROXY_AGENT_H
#define SBX_PROXY_AGENT_H

struct agent;
struct channel;
struct proxy;

/*
 * guest: weak. over: the connection is at its end; destroy the agent later, not from there.
 * -EBUSY: PROXY_AGENTS_MAX are open.
 */
int agent_create(struct proxy *proxy, struct channel *guest, void *owner, void (*over)(void *owner),
		 struct agent **ret);
void agent_destroy(struct agent *agent);

/* The guest's channel stirred. */
void agent_move(struct agent *agent);

#endif
