/*
 * A running sandbox's sbx-net and sbx-proxy, as its keeper sees them: what they
 * must know is pushed, what they tell is taken.
 *
 * Everything is derived from what is stored: policy, secrets, authority, the
 * host's facts. It is pushed whole when the keeper connects, so also after this
 * daemon was killed and started again, and whenever network_changed() says that
 * it is stale. Until the first push both deny all; while no daemon runs the
 * last one stays in force.
 */
#ifndef SBXD_NETWORK_H
#define SBXD_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "sbxd/published.h"
#include "wire/stream.h"

struct err;
struct sandbox;
struct supervisor;

/* One of the two. */
struct network_peer {
	int fd;		      /* owned; -1: not connected */
	struct stream stream; /* on fd; what comes from it */
	uint64_t applied;     /* the generation it works by */
	bool is_wrong;	      /* it said what cannot be understood, and is heard no more */
};

/* Belongs to a run, so to its keeper alone. */
struct network {
	struct network_peer net, proxy;
	uint64_t pushed;	     /* the generation that was sent last; 0: none */
	uint64_t udp[PUBLISHED_MAX]; /* published sockets that sbx-net has, by ports_id() */
	size_t udp_count;
};

void network_init(struct network *network);
void network_finish(struct network *network);

/* Connects to both, which may be the ones that another daemon started. */
int network_connect(struct sandbox *sandbox, struct network *network, struct err *err);

/*
 * Pushes when something changed since the last time. A peer that does not take it, or that
 * is heard no more, has a policy that is not in force: the failure is a reason to end the run.
 */
int network_update(struct sandbox *sandbox, struct network *network, struct err *err);

/* Takes what a peer says. One that closes is most often about to end, which its process tells. */
void network_take_net(struct sandbox *sandbox, struct network *network);
void network_take_proxy(struct sandbox *sandbox, struct network *network);

/* Whether both work by what was pushed last. */
bool network_is_applied(const struct network *network);

/* Hands a connection or a socket over to sbx-net; frame: NET_CONNECT, NET_LISTEN_UDP. fd -1: none.
 */
struct net_message;
int network_send_net(struct network *network, const struct net_message *message, int fd);

/*
 * From any other thread, without a lock held: what is in force for the sandbox
 * (NULL: for all) has changed. network_changed() returns when those that run have taken it up, or
 * after seconds: how many they were.
 */
void network_make_stale(struct supervisor *supervisor, const char *sandbox);
unsigned network_changed(struct supervisor *supervisor, const char *sandbox);

#endif
