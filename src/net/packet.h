/*
 * A packet of the guest while it is looked at: what its headers said, copied
 * once, and a cursor over what they carry, still in guest memory.
 *
 * The parsers say which rule a packet breaks, as a literal for the log, or NULL.
 */
#ifndef NET_PACKET_H
#define NET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/iov.h"

struct net_offload;

enum {
	ETHERNET_HEADER = 14,
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_IPV6 = 0x86dd,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ICMPV6 = 58,
};

struct packet {
	const struct net_offload *offload; /* weak */
	struct address from, to;
	uint8_t protocol;
	uint8_t hops;	 /* TTL or hop limit */
	struct iov body; /* what the IP header carries; body.left is its length */
};

/* RFC 791; no options, no fragments. body: the frame behind the Ethernet header. */
const char *ipv4_parse(const struct iov *body, struct packet *ret);

/* RFC 8200; no extension headers. */
const char *ipv6_parse(const struct iov *body, struct packet *ret);

/* RFC 791, RFC 8200: the header of a packet of ours that carries len bytes. */
void ipv4_build(uint8_t to[IPV4_HEADER], const struct address *source,
		const struct address *destination, uint8_t protocol, size_t len);
void ipv6_build(uint8_t to[IPV6_HEADER], const struct address *source,
		const struct address *destination, uint8_t protocol, size_t len);

/*
 * Whether the transport checksum is right, or is none of ours to check. The header
 * of header_len bytes was read from the body, of which the rest is left.
 */
bool packet_is_sound(const struct packet *packet, const void *header, size_t header_len);

#endif
