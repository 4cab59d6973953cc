/*
 * What sbxd says, and what it is told (CONTROL of wire/net.h). sbxd connects to
 * our listening socket, again after each of its restarts; a new connection takes
 * the place of the old one. Frames are obeyed in order; one that is malformed
 * ends the connection, and nothing of it is in force.
 */
#ifndef SBX_NET_CONTROL_H
#define SBX_NET_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"

struct net_verdict;
struct network;
struct policy_reader;

enum { CONTROL_FDS_MAX = 16, CONTROL_OUT_MAX = 256 << 10, CONTROL_STATS_MS = 3000 };

struct control {
	struct network *network; /* weak */
	struct loop_watch listener, watch;
	struct loop_timer stats;
	int fd;			      /* owned; -1: sbxd is away */
	struct policy_reader *reader; /* owned */
	uint64_t generation;	      /* of the policy that is being read */
	struct buf in, out;
	int passed[CONTROL_FDS_MAX]; /* owned: came before the frame they belong to */
	size_t passed_count;
	uint64_t told_flows, told_in, told_out; /* in the last NET_STATS */
};

int control_init(struct control *control, struct network *network, int listener);
void control_finish(struct control *control);

/* Queues a verdict; -ENOTCONN, -ENOBUFS: not now. */
int control_tell(struct control *control, const struct net_verdict *verdict);

#endif
