#include "net/frame.h"

#include <errno.h>

#include "base/bytes.h"
#include "net/core.h"

int frame_open(struct net_stack *stack, size_t least, size_t len, struct frame *ret)
{
	const struct net_world *world = stack->config.world;
	void *owner = stack->config.owner;
	int count = world->reserve(owner, len, ret->parts, FRAME_PARTS_MAX);

	if (count <= 0)
		return -ENOBUFS;
	ret->stack = stack;
	ret->room = iov_make(ret->parts, (size_t)count);
	if (ret->room.left >= least)
		return 0;
	world->send(owner, 0, NULL);
	return -ENOBUFS;
}

void frame_put(struct frame *frame, const void *bytes, size_t len)
{
	(void)iov_write(&frame->room, bytes, len);
}

void frame_close(struct frame *frame, size_t len, const struct net_offload *offload)
{
	struct net_stack *stack = frame->stack;

	if (len > 0)
		stack->counters.frames_out++;
	stack->config.world->send(stack->config.owner, len, offload);
}

size_t frame_headers(const struct net_stack *stack, uint8_t to[FRAME_HEADERS_MAX],
		     const struct address *source, const struct address *destination,
		     uint8_t protocol, size_t len)
{
	bool is_v6 = source->family == ADDRESS_V6;

	ethernet_build(to, stack, is_v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	if (is_v6)
		ipv6_build(to + ETHERNET_HEADER, source, destination, protocol, len);
	else
		ipv4_build(to + ETHERNET_HEADER, source, destination, protocol, len);
	return (size_t)ETHERNET_HEADER + (is_v6 ? IPV6_HEADER : IPV4_HEADER);
}

void frame_send_packet(struct net_stack *stack, const struct address *source,
		       const struct address *destination, uint8_t protocol,
		       const struct iovec parts[2])
{
	size_t len = parts[0].iov_len + parts[1].iov_len, header_len;
	uint8_t headers[FRAME_HEADERS_MAX];
	struct net_offload none = { .is_v6 = source->family == ADDRESS_V6 };
	struct frame frame;

	header_len = frame_headers(stack, headers, source, destination, protocol, len);
	if (frame_open(stack, header_len + len, header_len + len, &frame) < 0)
		return;
	frame_put(&frame, headers, header_len);
	frame_put(&frame, parts[0].iov_base, parts[0].iov_len);
	frame_put(&frame, parts[1].iov_base, parts[1].iov_len);
	frame_close(&frame, header_len + len, &none);
}
