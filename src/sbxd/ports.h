/*
 * Who listens at published ports: one thread for all sandboxes.
 *
 * A TCP connection is accepted at once and waits in the sandbox's queue for its
 * keeper, who hands it to sbx-net; a sandbox that does not run is started, and
 * the connection is held meanwhile. A datagram for a sandbox that does not run starts
 * it too and waits in the socket; while the sandbox runs sbx-net reads it.
 *
 * Thread-safe. The order of locks: ports, then a sandbox's.
 */
#ifndef SBXD_PORTS_H
#define SBXD_PORTS_H

#include <stdint.h>

#include "sbxd/published.h"

struct err;
struct network;
struct ports;
struct sandbox;
struct supervisor;

int ports_create(struct ports **ret);

/*
 * Listens for a sandbox. *ret is the same with the port that was found where any
 * would do. -EADDRINUSE, -EEXIST (published already), -EACCES, with a sentence.
 */
int ports_open(struct ports *ports, struct sandbox *sandbox, const struct published *published,
	       struct published *ret, struct err *err);
void ports_close(struct ports *ports, struct sandbox *sandbox, const struct published *published);
void ports_close_all(struct ports *ports, struct sandbox *sandbox);

/*
 * Listens at all ports of the record, which then tells what was found. all: one that fails undoes
 * the others and is an error; else it is logged and left out, for the next start of the daemon.
 */
int ports_open_record(struct ports *ports, struct sandbox *sandbox, bool all, struct err *err);

/* Whether somebody listens there. */
bool ports_is_open(struct ports *ports, const struct sandbox *sandbox,
		   const struct published *published);

/* The keeper's side. It runs: hand over the UDP sockets, then and again connections that came. */
void ports_hand_over_sockets(struct ports *ports, struct sandbox *sandbox, struct network *network);
void ports_hand_over_connections(struct sandbox *sandbox, struct network *network);

/* It does not run any more: datagrams start it again. */
void ports_rest(struct ports *ports, struct sandbox *sandbox);

/* It will not run: connections that wait are closed. */
void ports_drop_connections(struct sandbox *sandbox);

/* A name of a UDP socket for NET_LISTEN_UDP, the same in every daemon. */
uint64_t ports_id(const struct published *published);

#endif
