#include "base/bytes.h"
#include "net/core.h"
#include "net/packet.h"

void ethernet_build(uint8_t *to, const struct net_stack *stack, uint16_t type)
{
	memcpy(to, stack->config.guest_mac, 6);
	memcpy(to + 6, stack->config.gateway_mac, 6);
	be16_store(to + 12, type);
}

/* An address that stands for one host which is not the guest. */
static bool is_one_host(const struct net_stack *stack, const struct address *address)
{
	static const struct address any6 = { .family = ADDRESS_V6 };

	if (address_equal(address, &stack_link(stack, address->family)->guest))
		return false;
	if (address->family == ADDRESS_V6)
		return address->bytes[0] != 0xff && !address_equal(address, &any6);
	return address->bytes[0] != 0 && address->bytes[0] < 224; /* RFC 1122 §3.2.1.3 */
}

/* Neighbour discovery alone comes from other addresses of the guest and to groups. */
static bool is_discovery(const struct packet *packet)
{
	uint8_t type = 0;
	struct iov look = packet->body;

	return packet->protocol == PROTOCOL_ICMPV6 && iov_read(&look, &type, 1) == 0 &&
	       type == ICMPV6_NEIGHBOUR_SOLICITATION;
}

static void protocol_input(struct net_stack *stack, struct packet *packet)
{
	bool is_v6 = packet->from.family == ADDRESS_V6;

	if (packet->protocol == PROTOCOL_TCP)
		tcp_input(stack, packet);
	else if (packet->protocol == PROTOCOL_UDP)
		udp_input(stack, packet);
	else if (packet->protocol == (is_v6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP))
		icmp_input(stack, packet);
	else
		icmp_refuse_packet(stack, packet, "IP: protocol");
}

static void ip_input(struct net_stack *stack, struct packet *packet, bool to_gateway)
{
	struct endpoint to = { .address = packet->to };

	if (packet->from.family == ADDRESS_V6 && is_discovery(packet)) {
		ndp_input(stack, packet);
		return;
	}
	if (!stack_is_guest(stack, &packet->from) &&
	    (packet->protocol != PROTOCOL_TCP || !stack_is_reachable(stack, &packet->from)))
		stack_drop(stack, "IP: source is not the guest", &to);
	else if (!to_gateway || !is_one_host(stack, &packet->to))
		stack_drop(stack, "IP: destination is not one host", &to);
	else
		protocol_input(stack, packet);
}

/* What a network card would let in: frames of the guest to the gateway, a group, or all. */
static const char *ethernet_check(const struct net_stack *stack, const uint8_t *header)
{
	if (memcmp(header + 6, stack->config.guest_mac, 6) != 0)
		return "Ethernet: source is not the guest";
	if ((header[0] & 1) == 0 && memcmp(header, stack->config.gateway_mac, 6) != 0)
		return "Ethernet: destination";
	return NULL;
}

static const char *ethernet_parse(struct net_stack *stack, struct iov *body, struct packet *packet,
				  uint8_t *header)
{
	const char *broken;

	if (iov_read(body, header, ETHERNET_HEADER) < 0)
		return "Ethernet: short";
	broken = ethernet_check(stack, header);
	if (broken != NULL)
		return broken;
	switch (be16_load(header + 12)) {
	case ETHERTYPE_IPV4:
		return ipv4_parse(body, packet);
	case ETHERTYPE_IPV6:
		return ipv6_parse(body, packet);
	case ETHERTYPE_ARP:
		return NULL;
	default:
		return "Ethernet: type";
	}
}

void ethernet_input(struct net_stack *stack, const struct net_offload *offload,
		    const struct iovec *parts, int count)
{
	struct packet packet = { .offload = offload };
	struct iov body = iov_make(parts, (size_t)count);
	uint8_t header[ETHERNET_HEADER];
	const char *broken;

	stack->counters.frames_in++;
	if (body.left > NET_FRAME_MAX) {
		stack_drop(stack, "Ethernet: long", NULL);
		return;
	}
	broken = ethernet_parse(stack, &body, &packet, header);
	if (broken != NULL)
		stack_drop(stack, broken, NULL);
	else if (be16_load(header + 12) == ETHERTYPE_ARP)
		arp_input(stack, &body);
	else
		ip_input(stack, &packet, (header[0] & 1) == 0);
}
