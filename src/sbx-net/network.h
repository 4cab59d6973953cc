/*
 * The network of one sandbox: all that sbx-net is, and how its parts reach
 * each other. Every part is a member; parts are weak towards each other and end
 * together. One loop, one thread.
 */
#ifndef SBX_NET_NETWORK_H
#define SBX_NET_NETWORK_H

#include <stdint.h>

#include "base/loop.h"
#include "sbx-net/control.h"
#include "sbx-net/datagrams.h"
#include "sbx-net/decide.h"
#include "sbx-net/dial.h"
#include "sbx-net/outside.h"
#include "sbx-net/proxy_link.h"
#include "sbx-net/resolver.h"
#include "sbx-net/verdicts.h"

struct device;
struct err;
struct net_stack;

struct network {
	struct loop *loop;	 /* owned */
	struct net_stack *stack; /* owned */
	struct device *device;	 /* owned */
	struct decider decider;
	struct verdicts verdicts;
	struct resolver resolver;
	struct outsides outsides;
	struct datagrams datagrams;
	struct proxy_link proxy;
	struct dials dials;
	struct control control;
	struct loop_timer tick; /* of the stack */
};

struct network_config {
	int vhost;	    /* vhost-user socket */
	int control;	    /* listening socket */
	int proxy;	    /* SOCK_SEQPACKET to sbx-proxy */
	unsigned max_flows; /* as the limit of descriptors allows */
};

int network_init(struct network *network, const struct network_config *config, struct err *err);
void network_finish(struct network *network);

/*
 * Every event of the loop that touched the stack ends with this: sends what is
 * due, wakes the guest, and sets the timer.
 */
void network_settle(struct network *network);

/* Judges all that is open anew, after the policy or what it needs to know changed. */
void network_judge(struct network *network);

/* Ends every connection. */
void network_cut(struct network *network);

#endif
