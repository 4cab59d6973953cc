/*
 * TCP (RFC 9293) between the guest and the world: what the files tcp_*.c know
 * of each other.
 *
 *	tcp_input.c	segments of the guest: what they acknowledge, carry, end
 *	tcp_output.c	segments for the guest: when its turn comes, as much as fits
 *	tcp_state.c	how flows open and end; the world's calls (net_flow_*)
 *	tcp_timer.c	retransmission, probes, the time of each state
 *
 * The link is a queue in memory: it does not reorder, and loses only what the
 * guest itself throws away. So there is no congestion control (that of the path
 * beyond is the host kernel's), no queue for segments out of order and no SACK;
 * what is lost is sent again.
 */
#ifndef NET_TCP_H
#define NET_TCP_H

#include <stdint.h>

#include "net/flow.h"

struct packet;
struct segment;

enum {
	/*
	 * What we tell the guest (RFC 9293 §3.7.1). Large frames come by segmentation
	 * offload anyway, eight of these in the largest that Linux makes; small ones let a
	 * window of a few of them be used.
	 */
	TCP_OUR_MSS = 8148,
	TCP_MSS_MIN = 536, /* RFC 9293 §3.7.1; less is not believed */
	TCP_OUR_SCALE = 8,
	TCP_BLIND_WINDOW = 256 * 1024, /* when the world cannot tell its room */
	TCP_TRAIN_FRAMES = 16,	       /* that are filled at once: 1 MiB of large ones */
	TCP_TURN_TRAINS = 1,	       /* that one flow sends before the next has its turn */
	TCP_DUPLICATES = 3,	       /* RFC 5681 §3.2 */
	TCP_TIME_WAITS_MAX = 256,

	TCP_OPENING_MS = 150 * 1000, /* longer than the host's own connect() tries */
	TCP_RTO_FIRST_MS = 1000,     /* RFC 6298 §2.1 */
	TCP_RTO_MIN_MS = 250,	     /* above Linux's delayed ACK */
	TCP_RTO_MAX_MS = 60 * 1000,
	TCP_RETRIES_MAX = 12,
	TCP_OPEN_RETRIES_MAX = 5,
	TCP_KEEPALIVE_IDLE_MS = 15 * 60 * 1000,
	TCP_KEEPALIVE_PROBE_MS = 60 * 1000,
	TCP_KEEPALIVE_RETRIES_MAX = 8,
	TCP_TIME_WAIT_MS = 1000, /* a segment lives on this link no longer than a queue */
};

enum tcp_output {
	TCP_OUTPUT_DONE,    /* nothing more to send now */
	TCP_OUTPUT_MORE,    /* another turn is wanted */
	TCP_OUTPUT_NO_ROOM, /* the guest has no receive buffers */
};

/* Writes what the guest's last segments carried; rcv_nxt goes back to what was not taken. */
void tcp_write_gathered(struct net_stack *stack);

/* Sends what is due on the flow. */
enum tcp_output tcp_output(struct net_flow *flow);

/* A segment that asks for an answer and carries nothing (RFC 9293 §3.8.4). */
void tcp_send_probe(struct net_flow *flow);

/* The reset of a flow that is over. */
void tcp_send_reset(struct net_flow *flow);

/* The reset that answers a segment which belongs to no flow, RFC 9293 §3.10.7.1. */
void tcp_refuse_segment(struct net_stack *stack, const struct packet *packet,
			const struct segment *segment);

/* The flow gets its turn to send at the next flush. */
void tcp_want(struct net_flow *flow);

/* An ACK is due at the flow's next turn. */
void tcp_owe_ack(struct net_flow *flow);

/* The guest's SYN, for which there is no flow: the world is asked. */
void tcp_ask(struct net_stack *stack, const struct packet *packet, const struct segment *segment);

/* What the SYN or SYN-ACK says of the guest; its sequence number is taken. */
void tcp_meet(struct net_flow *flow, const struct segment *segment);

/* SYN_SENT or SYN_RECEIVED to OPEN. */
void tcp_open(struct net_flow *flow);

/* OPEN to TIME_WAIT, or to DEAD when nothing is owed: both directions ended in order. */
void tcp_finish(struct net_flow *flow);

/* Any state to DEAD; the world is told `error`, the guest nothing. */
void tcp_end(struct net_flow *flow, int error);

/* The same with a reset to the guest. */
void tcp_abort(struct net_flow *flow, int error);

void tcp_refuse(struct net_flow *flow, enum net_refusal how, int error);

void tcp_start_timer(struct net_flow *flow, enum flow_timer timer, uint64_t delay_ms);

/* Chooses the timer of an OPEN flow: called after all that sends or acknowledges. */
void tcp_update_timer(struct net_flow *flow);

/* The guest acknowledged something new: measures, and starts counting tries anew. */
void tcp_note_progress(struct net_flow *flow);

/* The flow's timer is due. */
void tcp_expire(struct net_flow *flow);

#endif
