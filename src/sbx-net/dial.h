/*
 * Connections that sbx-proxy asks for. It cannot open a socket: it says which
 * name it read in a flow of the guest, and gets a connected socket, or why not.
 *
 * For a transparent flow the address is what the guest chose, and must belong
 * to the name; for an explicit one the name is looked up here. Either way the
 * policy is asked about the very address that is dialled.
 */
#ifndef SBX_NET_DIAL_H
#define SBX_NET_DIAL_H

#include <stddef.h>

#include "base/list.h"

struct net_message;
struct network;

enum { DIALS_MAX = 1024 };

struct dials {
	struct network *network; /* weak */
	struct list list;
	size_t count;
};

void dials_init(struct dials *dials, struct network *network);
void dials_finish(struct dials *dials);

/* A NET_DIAL; answered by proxy_link_dialled(), perhaps at once. */
void dials_add(struct dials *dials, const struct net_message *ask);

#endif
