/*
 * RFC 826, for a link of two: the guest asks for the addresses that we answer
 * for, and hears that they are at the gateway. Nothing is learnt from it.
 */
#include "base/bytes.h"
#include "net/core.h"
#include "net/frame.h"

enum {
	ARP_SIZE = 28,
	ARP_OPERATION = 6,
	ARP_SENDER = 8, /* hardware address, then the protocol's; likewise the target */
	ARP_TARGET = 18,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
};

/* Hardware and protocol: Ethernet and IPv4, with the lengths of their addresses. */
static const uint8_t kind[ARP_OPERATION] = { 0, 1, 8, 0, 6, 4 };

static struct address address_at(const uint8_t *bytes)
{
	struct address address = { .family = ADDRESS_V4 };

	memcpy(address.bytes, bytes, 4);
	return address;
}

static void arp_reply(struct net_stack *stack, const uint8_t request[ARP_SIZE])
{
	const struct net_offload none = { 0 };
	uint8_t header[ETHERNET_HEADER], reply[ARP_SIZE];
	struct frame frame;

	if (frame_open(stack, sizeof(header) + sizeof(reply), sizeof(header) + sizeof(reply),
		       &frame) < 0)
		return;
	ethernet_build(header, stack, ETHERTYPE_ARP);
	memcpy(reply, kind, sizeof(kind));
	be16_store(reply + ARP_OPERATION, ARP_REPLY);
	memcpy(reply + ARP_SENDER, stack->config.gateway_mac, 6);
	memcpy(reply + ARP_SENDER + 6, request + ARP_TARGET + 6, 4);
	memcpy(reply + ARP_TARGET, request + ARP_SENDER, 10);
	frame_put(&frame, header, sizeof(header));
	frame_put(&frame, reply, sizeof(reply));
	frame_close(&frame, sizeof(header) + sizeof(reply), &none);
}

void arp_input(struct net_stack *stack, struct iov *body)
{
	uint8_t arp[ARP_SIZE];
	struct address sender, target;

	if (iov_read(body, arp, sizeof(arp)) < 0 || memcmp(arp, kind, sizeof(kind)) != 0) {
		stack_drop(stack, "ARP: malformed", NULL);
		return;
	}
	sender = address_at(arp + ARP_SENDER + 6);
	target = address_at(arp + ARP_TARGET + 6);
	if (memcmp(arp + ARP_SENDER, stack->config.guest_mac, 6) != 0 ||
	    !address_equal(&sender, &stack->v4.guest)) {
		stack_drop(stack, "ARP: sender is not the guest", NULL);
		return;
	}
	if (be16_load(arp + ARP_OPERATION) == ARP_REQUEST && stack_is_ours(stack, &target))
		arp_reply(stack, arp);
}
