/*
 * Neighbour discovery (RFC 4861 §7), as far as a link of two with fixed
 * addresses needs it: a solicitation of the guest for an address that we answer
 * for is advertised at the gateway. No routers are advertised, nothing is learnt.
 */
#include "base/bytes.h"
#include "net/checksum.h"
#include "net/core.h"
#include "net/frame.h"
#include "net/packet.h"

enum {
	SOLICITATION_SIZE = 24, /* type, code, checksum, reserved, target */
	ADVERTISEMENT_SIZE = 32,
	TARGET = 8,
	NEIGHBOUR_ADVERTISEMENT = 136,
	SOLICITED_OVERRIDE = 0x60,
	OPTION_TARGET_LINK_ADDRESS = 2,
	HOPS = 255,
	OPTIONS_MAX = 64,
};

/* RFC 4861 §7.1.1: every option has a length that is not zero. */
static bool options_are_sound(struct iov *options)
{
	uint8_t option[2];

	if (options->left > OPTIONS_MAX)
		return false;
	while (options->left > 0) {
		if (iov_read(options, option, sizeof(option)) < 0 || option[1] == 0 ||
		    iov_skip(options, option[1] * 8U - sizeof(option)) < 0)
			return false;
	}
	return true;
}

/* Linux probes a neighbour it knows from its link-local address. */
static bool is_from_guest(const struct net_stack *stack, const struct packet *packet)
{
	static const uint8_t link_local[8] = { 0xfe, 0x80 };

	return address_equal(&packet->from, &stack->v6.guest) ||
	       memcmp(packet->from.bytes, link_local, sizeof(link_local)) == 0;
}

static void advertise(struct net_stack *stack, const struct address *target,
		      const struct address *to)
{
	uint8_t bytes[ADVERTISEMENT_SIZE] = { NEIGHBOUR_ADVERTISEMENT };
	struct checksum checksum = { 0 };
	const struct iovec parts[2] = { { bytes, sizeof(bytes) }, { 0 } };

	bytes[4] = SOLICITED_OVERRIDE;
	memcpy(bytes + TARGET, target->bytes, 16);
	bytes[24] = OPTION_TARGET_LINK_ADDRESS;
	bytes[25] = 1;
	memcpy(bytes + 26, stack->config.gateway_mac, 6);
	checksum_add_pseudo(&checksum, target, to, PROTOCOL_ICMPV6, sizeof(bytes));
	checksum_add(&checksum, bytes, sizeof(bytes));
	be16_store(bytes + 2, checksum_finish(&checksum));
	frame_send_packet(stack, target, to, PROTOCOL_ICMPV6, parts);
}

void ndp_input(struct net_stack *stack, struct packet *packet)
{
	struct address target = { .family = ADDRESS_V6 };
	uint8_t header[SOLICITATION_SIZE];

	if (iov_read(&packet->body, header, sizeof(header)) < 0 || packet->hops != HOPS ||
	    header[1] != 0 || !packet_is_sound(packet, header, sizeof(header)) ||
	    !options_are_sound(&packet->body)) {
		stack_drop(stack, "NDP: malformed", NULL);
		return;
	}
	if (!is_from_guest(stack, packet)) {
		stack_drop(stack, "NDP: sender is not the guest", NULL);
		return;
	}
	memcpy(target.bytes, header + TARGET, 16);
	if (stack_is_ours(stack, &target))
		advertise(stack, &target, &packet->from);
}
