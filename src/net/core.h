/*
 * The stack's inside, shared by the protocols: each takes what its parser
 * accepted, down from Ethernet, and sends through frame.h.
 *
 * Calls from outside stand between stack_enter() and stack_leave(). Whatever the
 * world calls from within its own functions only marks flows; the outermost call
 * sends and frees, so that no flow goes away under the code that looks at it.
 */
#ifndef NET_CORE_H
#define NET_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/flow.h"
#include "net/icmp.h"
#include "net/stack.h"
#include "net/timer.h"

struct iov;
struct packet;

enum { GATHER_PARTS = 1024 }; /* IOV_MAX: what one write() takes */

/* Who is on the link (net/link.h), in one family. */
struct link_addresses {
	struct address guest, gateway, host;
	struct address loopback; /* of the guest, where it can be reached from the link; or NONE */
};

/* Payload that came in order and waits to be written at once; in guest memory. */
struct gather {
	struct net_flow *flow; /* NULL: nothing waits */
	size_t len;
	int count;
	struct iovec parts[GATHER_PARTS];
};

struct net_stack {
	struct net_stack_config config;
	struct net_counters counters;
	struct link_addresses v4, v6;
	uint64_t now_ms; /* of the call under way */
	unsigned depth;	 /* calls under way, one within the other */
	bool takes_checksum, takes_tso4, takes_tso6;
	struct icmp_budget icmp;
	struct list pending; /* flows with something to send, by turn_node, in their turn */
	struct list dead;    /* flows that are over, by turn_node; freed by stack_leave() */
	unsigned time_waits; /* flows in FLOW_TIME_WAIT */
	struct timers timers;
	struct gather gather;
	struct flow_table flows;
};

void stack_enter(struct net_stack *stack, uint64_t now_ms);
/* flush: also send what is pending. */
void stack_leave(struct net_stack *stack, bool flush);

/* Counts a drop or refusal and tells the world; `to` may be NULL. */
void stack_drop(struct net_stack *stack, const char *rule, const struct endpoint *to);

const struct link_addresses *stack_link(const struct net_stack *stack, enum address_family family);

bool stack_is_guest(const struct net_stack *stack, const struct address *address);

/* Where we may connect to the guest; it speaks from its loopback only when we did. */
bool stack_is_reachable(const struct net_stack *stack, const struct address *address);

/* The gateway, or the host by its name: what the stack itself answers for. */
bool stack_is_ours(const struct net_stack *stack, const struct address *address);

void ethernet_build(uint8_t *to, const struct net_stack *stack, uint16_t type);
void ethernet_input(struct net_stack *stack, const struct net_offload *offload,
		    const struct iovec *parts, int count);

/* The rest of a frame, behind the Ethernet header. */
void arp_input(struct net_stack *stack, struct iov *body);

/* Packets whose source is the guest and whose destination is one host. */
void icmp_input(struct net_stack *stack, struct packet *packet);
void udp_input(struct net_stack *stack, struct packet *packet);
void tcp_input(struct net_stack *stack, struct packet *packet);

/* ICMPv6 135: source and destination may be of the link. */
void ndp_input(struct net_stack *stack, struct packet *packet);

#endif
