/*
 * One TCP connection of the guest, and the table where it is found.
 *
 * A flow is small and holds no data: what is not yet acknowledged stays with
 * its sender on both sides. Flows live in slabs that come from and go back to
 * the kernel; the table is keyed by a secret, so that no choice of ports makes
 * long chains.
 */
#ifndef NET_FLOW_H
#define NET_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/stack.h"

/*
 * The guest's end is heard, ours is told; RFC 9293 §3.3.2 in brackets.
 *
 * ASKED	the guest's SYN is with the world, nothing was sent. accept leads to
 *		SYN_RECEIVED, refuse and the timer to DEAD.
 * SYN_SENT	we connect to the guest. Its SYN-ACK leads to OPEN, RST, SYN or the
 *		timer to DEAD.
 * SYN_RECEIVED	our SYN-ACK is out. Its ACK leads to OPEN, RST or the timer to DEAD.
 * OPEN		bytes flow, each direction until its end, which the flags tell
 *		[ESTABLISHED, FIN-WAIT-1 and -2, CLOSING, CLOSE-WAIT, LAST-ACK].
 * TIME_WAIT	over for the world, tag is gone. The guest's last segments are
 *		acknowledged for a moment; then DEAD.
 * DEAD		in no table; only stack_leave() may look at it, and frees it.
 */
enum flow_state {
	FLOW_ASKED,
	FLOW_SYN_SENT,
	FLOW_SYN_RECEIVED,
	FLOW_OPEN,
	FLOW_TIME_WAIT,
	FLOW_DEAD,
};

enum flow_flag {
	FLOW_OF_GUEST = 1 << 0,	    /* opened by it */
	FLOW_HALF_OPEN = 1 << 1,    /* counted in net_counters.half_open */
	FLOW_SOURCE_READY = 1 << 2, /* peek() may have bytes or the end */
	FLOW_FIN_SENT = 1 << 3,	    /* at snd_max - 1 */
	FLOW_FIN_ACKED = 1 << 4,    /* the guest has all that we had to say */
	FLOW_FIN_HEARD = 1 << 5,    /* the guest has said all */
	FLOW_BLOCKED = 1 << 6,	    /* write() took fewer bytes than it was given */
	FLOW_CUT = 1 << 7,	    /* ... and what it did not take has to be sent again */
	FLOW_ASK_ROOM = 1 << 8,	    /* bytes came since the window was computed */
	FLOW_TIMING = 1 << 9,	    /* a round trip is being measured */
	FLOW_RECOVERING = 1 << 10,  /* a hole at snd_una, until snd_una reaches recover */
	FLOW_RESEND = 1 << 11,	    /* the segment at snd_una is due again, alone */
	FLOW_RESET_DUE = 1 << 12,   /* DEAD, and the guest is still to be told */
};

/* What `due_ms` is for. */
enum flow_timer {
	TIMER_OPENING,	  /* the world's time to answer */
	TIMER_RETRANSMIT, /* RFC 6298 */
	TIMER_PERSIST,	  /* the guest's window is closed, RFC 9293 §3.8.6.1 */
	TIMER_KEEPALIVE,  /* RFC 9293 §3.8.4 */
	TIMER_TIME_WAIT,
};

struct net_flow {
	struct net_stack *stack; /* weak */
	void *tag;
	void (*established)(void *owner, struct net_flow *flow); /* of net_stack_connect() */
	struct net_flow *next;	      /* in its chain of the table; of the free */
	struct list turn_node;	      /* in net_stack.pending or .dead */
	struct endpoint guest, world; /* its ends */

	uint64_t due_ms;      /* when the timer is due */
	uint64_t fires_ms;    /* when timer.h looks at it, not after due_ms */
	uint32_t timer_slot;  /* in the heap, TIMER_NONE */
	uint32_t measured_ms; /* FLOW_TIMING: when the segment before measured_seq left */

	/* Names of RFC 9293 §3.3.1. */
	uint32_t snd_una, snd_nxt, snd_max, snd_wnd, snd_wl1, snd_wl2;
	uint32_t recover;      /* RFC 6582: snd_max when the loss was noticed */
	uint32_t measured_seq; /* FLOW_TIMING */
	uint32_t rcv_nxt;
	uint32_t rcv_told;		     /* right edge of the window that the guest was told */
	uint16_t srtt_ms, rttvar_ms, rto_ms; /* srtt 0: none measured */
	uint16_t mss;			     /* of what we send */
	uint16_t flags;			     /* enum flow_flag */
	uint16_t pool_slot;
	uint8_t state; /* enum flow_state */
	uint8_t timer; /* enum flow_timer */
	uint8_t retries, duplicates;
	uint8_t acks_due; /* more than one: duplicates that ask for a fast retransmit */
	uint8_t snd_scale, rcv_scale;
	uint8_t train; /* frames less one that the next peek() may fill */
};

_Static_assert(sizeof(struct net_flow) <= 200, "a thousand idle flows stay small");

enum { FLOW_BUCKETS = NET_FLOWS_MAX };

struct flow_table {
	struct net_flow *bucket[FLOW_BUCKETS];
	struct list slabs; /* those with a free flow, by flow_slab.node */
	uint8_t seed[16];
};

void flow_table_init(struct flow_table *table, const uint8_t seed[16]);
void flow_table_finish(struct flow_table *table);

struct net_flow *flow_find(const struct flow_table *table, const struct endpoint *guest,
			   const struct endpoint *world);

/* A flow with its ends set and all else zero; NULL: no memory. The caller bounds their number. */
struct net_flow *flow_create(struct flow_table *table, const struct endpoint *guest,
			     const struct endpoint *world);

/* Takes it out of the table; flow_find() finds it no more. */
void flow_unlink(struct flow_table *table, struct net_flow *flow);

/* Frees one that was unlinked. */
void flow_free(struct flow_table *table, struct net_flow *flow);

/* Initial sequence number, RFC 9293 §3.4.1. */
uint32_t flow_initial_sequence(const struct flow_table *table, const struct net_flow *flow,
			       uint64_t now_ms);

#endif
