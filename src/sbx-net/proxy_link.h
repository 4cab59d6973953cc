/*
 * The line to sbx-proxy (PROXY of wire/net.h): flows of the guest go over with
 * a descriptor each, its asks to dial come back and are answered. Answers wait
 * in a bounded queue while it does not read; then no more asks are read.
 */
#ifndef SBX_NET_PROXY_LINK_H
#define SBX_NET_PROXY_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/loop.h"
#include "wire/net.h"

struct endpoint;
struct network;

struct proxy_link {
	struct network *network; /* weak */
	struct loop_watch watch;
	int fd;		     /* owned; -1: sbx-proxy is gone */
	struct list waiting; /* answers not sent yet */
	bool is_blocked;     /* some wait */
};

int proxy_link_init(struct proxy_link *link, struct network *network, int fd);
void proxy_link_finish(struct proxy_link *link);

/* Hands a flow over; far, the end of its stream pair, is given away, also on failure. */
int proxy_link_flow(struct proxy_link *link, uint64_t id, enum net_flow_kind kind,
		    const struct endpoint *to, int far);

/* Answers an ask; fd (or -1) is given away. */
void proxy_link_dialled(struct proxy_link *link, const struct net_message *answer, int fd);

#endif
