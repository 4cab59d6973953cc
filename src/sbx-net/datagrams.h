/*
 * UDP. The guest's datagrams go out where a rule with protocol udp lets them,
 * each pair of endpoints by a connected socket of its own; the answers come
 * back the same way. Published UDP ports: datagrams of the host's clients reach
 * the guest as from ports of its gateway.
 *
 * Tables are bounded; the entry unused for longest gives way. A datagram may be
 * dropped at any time, as always with UDP.
 */
#ifndef SBX_NET_DATAGRAMS_H
#define SBX_NET_DATAGRAMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/address.h"
#include "base/list.h"
#include "base/loop.h"

struct network;

enum {
	DATAGRAM_PAIRS_MAX = 512,
	DATAGRAM_CLIENTS_MAX = 512, /* of published ports */
	DATAGRAM_PORTS_MAX = 64,    /* published ones */
	DATAGRAM_IDLE_MS = 120000,
};

struct datagrams {
	struct network *network; /* weak */
	struct list pairs;	 /* the guest's, the last used at the end */
	struct list ports;	 /* published */
	struct list clients;	 /* of published ports, the last used at the end */
	size_t pairs_count, clients_count, ports_count;
	uint16_t next_port;
	struct loop_timer timer;
};

void datagrams_init(struct datagrams *datagrams, struct network *network);
void datagrams_finish(struct datagrams *datagrams);

/* net_world's datagram(). */
void datagrams_send(struct datagrams *datagrams, const struct endpoint *from,
		    const struct endpoint *to, const struct iovec *parts, int count, size_t len);

/* Datagrams that reach fd (bound, then ours) go to the guest's port; 0, -errno: fd is closed. */
int datagrams_publish(struct datagrams *datagrams, uint64_t id, int fd, uint16_t port);
void datagrams_unpublish(struct datagrams *datagrams, uint64_t id);

/* Ends what the policy does not allow any more, or everything. */
void datagrams_judge(struct datagrams *datagrams);
void datagrams_cut(struct datagrams *datagrams);

#endif
