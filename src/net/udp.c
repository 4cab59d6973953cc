/* UDP (RFC 768) for the stack: each datagram by itself, whatever belongs together is the world's.
 */
#include "base/bytes.h"
#include "net/checksum.h"
#include "net/core.h"
#include "net/frame.h"
#include "net/packet.h"

enum { UDP_HEADER = 8, DATAGRAM_PARTS_MAX = 64 };

static const char *udp_parse(struct packet *packet, uint8_t header[UDP_HEADER])
{
	size_t len;

	if (iov_read(&packet->body, header, UDP_HEADER) < 0)
		return "UDP: short";
	len = be16_load(header + 4);
	if (len < UDP_HEADER || len - UDP_HEADER > packet->body.left)
		return "UDP: length";
	packet->body.left = len - UDP_HEADER;
	if (be16_load(header) == 0 || be16_load(header + 2) == 0)
		return "UDP: port 0";
	if (be16_load(header + 6) == 0 && !packet->offload->checksum)
		return packet->from.family == ADDRESS_V4 ? NULL : "UDP: no checksum";
	return packet_is_sound(packet, header, UDP_HEADER) ? NULL : "UDP: checksum";
}

void udp_input(struct net_stack *stack, struct packet *packet)
{
	struct endpoint from = { .address = packet->from }, to = { .address = packet->to };
	struct iovec parts[DATAGRAM_PARTS_MAX];
	uint8_t header[UDP_HEADER];
	const char *broken = udp_parse(packet, header);
	int count = 0;

	if (broken == NULL) {
		from.port = be16_load(header);
		to.port = be16_load(header + 2);
		count = iov_slice(&packet->body, packet->body.left, parts, DATAGRAM_PARTS_MAX);
		if (count < 0)
			broken = "UDP: too many parts";
	}
	if (broken != NULL)
		stack_drop(stack, broken, &to);
	else
		stack->config.world->datagram(stack->config.owner, &from, &to, parts, count,
					      packet->body.left);
}

static void build(uint8_t header[UDP_HEADER], const struct endpoint *from,
		  const struct endpoint *to, size_t len)
{
	be16_store(header, from->port);
	be16_store(header + 2, to->port);
	be16_store(header + 4, (uint16_t)(UDP_HEADER + len));
	be16_store(header + 6, 0);
}

void net_stack_udp_send(struct net_stack *stack, const struct endpoint *from,
			const struct endpoint *to, const void *bytes, size_t len)
{
	struct checksum checksum = { 0 };
	uint8_t header[UDP_HEADER];
	const struct iovec parts[2] = { { header, sizeof(header) }, { (void *)bytes, len } };
	uint16_t sum;

	if (len > NET_UDP_MAX) {
		stack_drop(stack, "UDP: too long for the link", to);
		return;
	}
	build(header, from, to, len);
	checksum_add_pseudo(&checksum, &from->address, &to->address, PROTOCOL_UDP,
			    sizeof(header) + len);
	checksum_add(&checksum, header, sizeof(header));
	checksum_add(&checksum, bytes, len);
	sum = checksum_finish(&checksum);
	be16_store(header + 6, sum != 0 ? sum : 0xffff); /* 0 says that there is none */
	frame_send_packet(stack, &from->address, &to->address, PROTOCOL_UDP, parts);
}

void net_stack_udp_refuse(struct net_stack *stack, const struct endpoint *from,
			  const struct endpoint *to, enum net_refusal how)
{
	struct icmp_quote quote = { .from = from->address,
				    .to = to->address,
				    .protocol = PROTOCOL_UDP,
				    .len = UDP_HEADER };

	build(quote.transport, from, to, 0);
	switch (how) {
	case NET_REFUSE_RESET:
		icmp_send_error(stack, ICMP_PORT_UNREACHABLE, &quote);
		break;
	case NET_REFUSE_PROHIBITED:
		icmp_send_error(stack, ICMP_PROHIBITED, &quote);
		break;
	case NET_REFUSE_UNREACHABLE:
		icmp_send_error(stack, ICMP_HOST_UNREACHABLE, &quote);
		break;
	case NET_REFUSE_DROP:
		break;
	}
}
