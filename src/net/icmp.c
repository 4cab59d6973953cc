#include "net/icmp.h"

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/core.h"
#include "net/frame.h"
#include "net/packet.h"

enum {
	ICMP_HEADER = 8,
	ECHO_REQUEST = 8,
	ECHO_REPLY = 0,
	ECHO_REQUEST_V6 = 128,
	ECHO_REPLY_V6 = 129,
	ECHO_DATA_MAX = 2048,
	BURST = 50,
	QUOTE_MAX = IPV6_HEADER + 8,
};

static bool budget_take(struct icmp_budget *budget, uint64_t now_ms)
{
	uint64_t gained = now_ms - budget->since_ms + budget->left;

	budget->left = (unsigned)min_of(gained, BURST);
	budget->since_ms = now_ms;
	if (budget->left == 0)
		return false;
	budget->left--;
	return true;
}

static void seal(uint8_t *header, const struct address *from, const struct address *to,
		 const void *data, size_t len)
{
	struct checksum checksum = { 0 };

	be16_store(header + 2, 0);
	if (from->family == ADDRESS_V6)
		checksum_add_pseudo(&checksum, from, to, PROTOCOL_ICMPV6, ICMP_HEADER + len);
	checksum_add(&checksum, header, ICMP_HEADER);
	checksum_add(&checksum, data, len);
	be16_store(header + 2, checksum_finish(&checksum));
}

static void send_icmp(struct net_stack *stack, uint8_t *header, const struct address *from,
		      const struct address *to, void *data, size_t len)
{
	const struct iovec parts[2] = { { header, ICMP_HEADER }, { data, len } };

	seal(header, from, to, data, len);
	frame_send_packet(stack, from, to,
			  from->family == ADDRESS_V6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP, parts);
}

/* Type and code, RFC 792, RFC 1812 §5.2.7.1 and RFC 4443 §3.1. */
static void error_header(uint8_t *header, enum icmp_error error, bool is_v6)
{
	memset(header, 0, ICMP_HEADER);
	header[0] = is_v6 ? 1 : 3;
	switch (error) {
	case ICMP_PROHIBITED:
		header[1] = is_v6 ? 1 : 13;
		break;
	case ICMP_HOST_UNREACHABLE:
		header[1] = is_v6 ? 3 : 1;
		break;
	case ICMP_PORT_UNREACHABLE:
		header[1] = is_v6 ? 4 : 3;
		break;
	}
}

void icmp_send_error(struct net_stack *stack, enum icmp_error error, const struct icmp_quote *quote)
{
	bool is_v6 = quote->from.family == ADDRESS_V6;
	size_t ip_header = is_v6 ? IPV6_HEADER : IPV4_HEADER;
	uint8_t header[ICMP_HEADER], data[QUOTE_MAX];
	const struct address *from = error == ICMP_PORT_UNREACHABLE
					     ? &quote->to
					     : &stack_link(stack, quote->from.family)->gateway;

	if (!budget_take(&stack->icmp, stack->now_ms))
		return;
	error_header(header, error, is_v6);
	if (is_v6)
		ipv6_build(data, &quote->from, &quote->to, quote->protocol, quote->len);
	else
		ipv4_build(data, &quote->from, &quote->to, quote->protocol, quote->len);
	memcpy(data + ip_header, quote->transport, sizeof(quote->transport));
	send_icmp(stack, header, from, &quote->from, data, ip_header + sizeof(quote->transport));
}

void icmp_refuse_packet(struct net_stack *stack, struct packet *packet, const char *rule)
{
	struct icmp_quote quote = { .from = packet->from,
				    .to = packet->to,
				    .protocol = packet->protocol,
				    .len = (uint16_t)packet->body.left };
	struct endpoint to = { .address = packet->to };

	stack_drop(stack, rule, &to);
	if (iov_read(&packet->body, quote.transport, sizeof(quote.transport)) == 0)
		icmp_send_error(stack, ICMP_PROHIBITED, &quote);
}

static void echo(struct net_stack *stack, struct packet *packet, uint8_t *header)
{
	uint8_t data[ECHO_DATA_MAX];
	size_t len = packet->body.left;

	if (len > sizeof(data)) {
		stack_drop(stack, "ICMP: long echo", NULL);
		return;
	}
	(void)iov_read(&packet->body, data, len);
	header[0] = packet->from.family == ADDRESS_V6 ? ECHO_REPLY_V6 : ECHO_REPLY;
	send_icmp(stack, header, &packet->to, &packet->from, data, len);
}

void icmp_input(struct net_stack *stack, struct packet *packet)
{
	bool is_v6 = packet->from.family == ADDRESS_V6;
	struct packet whole = *packet;
	struct endpoint to = { .address = packet->to };
	uint8_t header[ICMP_HEADER];

	if (iov_read(&packet->body, header, sizeof(header)) < 0 ||
	    !packet_is_sound(packet, header, sizeof(header)))
		stack_drop(stack, "ICMP: malformed", &to);
	else if (header[0] != (is_v6 ? ECHO_REQUEST_V6 : ECHO_REQUEST) || header[1] != 0)
		stack_drop(stack, "ICMP: not an echo request", &to);
	else if (stack_is_ours(stack, &packet->to))
		echo(stack, packet, header);
	else
		icmp_refuse_packet(stack, &whole, "ICMP: echo beyond the gateway");
}
