/*
 * ICMP (RFC 792) and ICMPv6 (RFC 4443): the gateway answers an echo, so that
 * `ping` tells a user that the link works; everything else is refused, so that
 * nothing can be carried out in it. Errors tell the guest at once what is
 * refused; their rate is limited (RFC 1812 §4.3.2.8).
 */
#ifndef NET_ICMP_H
#define NET_ICMP_H

#include <stdint.h>

#include "base/address.h"

struct net_stack;
struct packet;

enum { ICMPV6_NEIGHBOUR_SOLICITATION = 135 };

enum icmp_error {
	ICMP_PROHIBITED, /* administratively */
	ICMP_HOST_UNREACHABLE,
	ICMP_PORT_UNREACHABLE,
};

/* Errors that may still go out: one more each millisecond. */
struct icmp_budget {
	unsigned left;
	uint64_t since_ms;
};

/* What an error quotes: the head of a packet of the guest, or one made again. */
struct icmp_quote {
	struct address from, to;
	uint8_t protocol;
	uint16_t len;	      /* of what the IP header carried */
	uint8_t transport[8]; /* its first bytes */
};

void icmp_send_error(struct net_stack *stack, enum icmp_error error,
		     const struct icmp_quote *quote);

/* Drops a packet whose body was not read yet, with an error to the guest. */
void icmp_refuse_packet(struct net_stack *stack, struct packet *packet, const char *rule);

#endif
