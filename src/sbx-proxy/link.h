/*
 * The link to sbx-net (wire/net.h, PROXY): connections of the guest come in,
 * requests to dial go out, connected sockets come back. When sbx-net is gone
 * nothing can be reached, and this program ends.
 */
#ifndef SBX_PROXY_LINK_H
#define SBX_PROXY_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/loop.h"
#include "wire/net.h"

struct link {
	struct loop *loop; /* weak */
	struct loop_watch watch;
	struct list dials; /* asked, not answered */
	struct buf out;	   /* frames that did not fit */
	uint64_t last_id;
	bool waits_for_room;
	void *owner; /* weak */
	/* A connection; the callee owns fd. */
	void (*flow)(void *owner, const struct net_message *message, int fd);
	void (*lost)(void *owner, const char *why);
};

/* One question. A member of its owner; end it before the owner goes. */
struct dial {
	struct list node;
	uint64_t id;
	/* fd >= 0: connected, owned by the callee; else message->error. Off the list already. */
	void (*answered)(struct dial *dial, const struct net_message *message, int fd);
};

int link_init(struct link *link, struct loop *loop, int fd, void *owner,
	      void (*flow)(void *owner, const struct net_message *message, int fd),
	      void (*lost)(void *owner, const char *why));
void link_finish(struct link *link);

void dial_init(struct dial *dial,
	       void (*answered)(struct dial *dial, const struct net_message *message, int fd));

/* name NULL: the flow's own address. -ENOBUFS: sbx-net does not read. */
int link_dial(struct link *link, struct dial *dial, uint64_t flow, const char *name, uint16_t port);
void dial_end(struct dial *dial);

#endif
