/*
 * A hostile guest of the network, Ethernet to TCP. The input is a script of
 * frames and of what the world does meanwhile: an action byte, an argument, and
 * for frames a length and bytes. Frames may come with addresses and checksums
 * put right, and sequence numbers moved to where the stack is, so that mutations
 * get past them. Whatever is said: what goes out is for the guest and of a sane
 * length, each flow is told of once, and nothing is left.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "net/checksum.h"
#include "net/link.h"
#include "net/packet.h"
#include "net/stack.h"
#include "tests/fuzz/fuzz.h"

enum { FLOWS = 8, ROOM = 70000, TCP_SEQ = 4, TCP_ACK = 8, FRAMES = 8, GIVEN = 64 };

enum action {
	ACTION_RAW,	  /* a frame as it stands in the input */
	ACTION_SEALED,	  /* the same with addresses and checksums put right */
	ACTION_FOLLOWED,  /* and numbers relative to the last segment of the stack */
	ACTION_OFFLOADED, /* its checksum is partial */
	ACTION_ACCEPT,
	ACTION_REFUSE,
	ACTION_READABLE,
	ACTION_WRITABLE,
	ACTION_RESET,
	ACTION_CONNECT,
	ACTION_TIME,
	ACTION_FLUSH,
	ACTION_ROOM,
	ACTION_DATAGRAM,
	ACTIONS
};

struct world {
	struct net_stack *stack;
	uint64_t now_ms;
	struct net_flow *flows[FLOWS];
	unsigned opened, closed, room;
	unsigned reserved;     /* frames, in front of those that are sent */
	size_t frames[FRAMES]; /* room of each */
	bool is_cut;	       /* what is reserved still has to be dropped */
	uint8_t mood;	       /* how the world answers */
	uint32_t seq, ack;     /* of the last segment of the stack */
	uint8_t *given[GIVEN]; /* frames of the guest since the last flush */
	unsigned given_count;
	uint8_t memory[ROOM];
};

static int reserve(void *owner, size_t len, struct iovec *ret, int max)
{
	struct world *world = owner;
	size_t first = min_of(len, 33);

	if (len == 0 || len > NET_FRAME_MAX || max < 2)
		abort();
	if (world->room == 0 || world->reserved == FRAMES)
		return 0;
	world->is_cut &= world->reserved > 0;
	world->frames[world->reserved++] = len;
	ret[0] = (struct iovec){ world->memory, first };
	ret[1] = (struct iovec){ world->memory + first, len - first };
	return 2;
}

static void send_frame(void *owner, size_t len, const struct net_offload *offload)
{
	struct world *world = owner;
	const uint8_t *ip = world->memory + ETHERNET_HEADER, *tcp = ip + IPV4_HEADER;

	if (world->reserved == 0 || len > world->frames[0] || (len > 0 && offload == NULL) ||
	    (len > 0 && world->is_cut))
		abort();
	world->is_cut |= len < world->frames[0];
	memmove(world->frames, world->frames + 1, --world->reserved * sizeof(world->frames[0]));
	if (len == 0)
		return;
	if (len < ETHERNET_HEADER || memcmp(world->memory, LINK_GUEST_MAC, 6) != 0)
		abort();
	if (len < ETHERNET_HEADER + IPV4_HEADER + 20 || ip[0] != 0x45 || ip[9] != PROTOCOL_TCP)
		return;
	world->seq = be32_load(tcp + TCP_SEQ);
	world->ack = be32_load(tcp + TCP_ACK);
}

static void keep(struct world *world, struct net_flow *flow)
{
	world->opened++;
	for (unsigned i = 0; i < FLOWS; i++) {
		if (world->flows[i] == NULL) {
			world->flows[i] = flow;
			return;
		}
	}
	net_flow_refuse(flow, NET_REFUSE_RESET, world->now_ms);
}

static void opened(void *owner, struct net_flow *flow, const struct endpoint *to)
{
	struct world *world = owner;

	(void)to;
	keep(world, flow);
	if (world->mood % 4 == 0)
		net_flow_accept(flow, world->now_ms);
}

static ssize_t write_world(void *owner, struct net_flow *flow, const struct iovec *parts, int count)
{
	struct world *world = owner;
	size_t len = 0;

	for (int i = 0; i < count; i++) {
		(void)memchr(parts[i].iov_base, 'x', parts[i].iov_len); /* it is still there */
		len += parts[i].iov_len;
	}
	if (len == 0)
		abort();
	if (world->mood % 16 == 5)
		net_flow_reset(flow, world->now_ms);
	if (world->mood % 8 == 1)
		return -EAGAIN;
	if (world->mood % 8 == 2)
		return -EPIPE;
	return (ssize_t)(world->mood % 8 == 3 ? len - len / 2 : len);
}

static size_t room(void *owner, struct net_flow *flow)
{
	const struct world *world = owner;

	(void)flow;
	return (size_t)world->mood << 12;
}

static void finished(void *owner, struct net_flow *flow)
{
	const struct world *world = owner;

	if (world->mood % 4 == 1)
		net_flow_reset(flow, world->now_ms);
}

static ssize_t peek(void *owner, struct net_flow *flow, size_t offset, const struct iovec *parts,
		    int count)
{
	const struct world *world = owner;
	size_t done = 0;

	if (world->mood % 16 == 7)
		net_flow_reset(flow, world->now_ms);
	if (offset >= (size_t)world->mood * 1024)
		return world->mood % 2 == 0 ? 0 : -EAGAIN;
	for (int i = 0; i < count; i++) {
		memset(parts[i].iov_base, 'x', parts[i].iov_len);
		done += parts[i].iov_len;
	}
	return (ssize_t)done;
}

static void acked(void *owner, struct net_flow *flow, size_t bytes)
{
	(void)owner;
	(void)flow;
	if (bytes == 0)
		abort();
}

static void closed(void *owner, struct net_flow *flow, int error)
{
	struct world *world = owner;

	(void)error;
	if (++world->closed > world->opened)
		abort();
	for (unsigned i = 0; i < FLOWS; i++) {
		if (world->flows[i] == flow)
			world->flows[i] = NULL;
	}
}

static void datagram(void *owner, const struct endpoint *from, const struct endpoint *to,
		     const struct iovec *parts, int count, size_t len)
{
	struct world *world = owner;

	(void)parts;
	(void)count;
	if (len > NET_UDP_MAX + 20 || from->port == 0 || to->port == 0)
		abort();
	net_stack_udp_refuse(world->stack, from, to, NET_REFUSE_PROHIBITED);
}

static const struct net_world impl = {
	.reserve = reserve,
	.send = send_frame,
	.opened = opened,
	.write = write_world,
	.room = room,
	.finished = finished,
	.peek = peek,
	.acked = acked,
	.closed = closed,
	.datagram = datagram,
};

/* Addresses of the guest, right lengths and sums: IPv4 without options, TCP, UDP or ICMP. */
static void seal(uint8_t *frame, size_t len)
{
	const uint8_t guest[4] = { 192, 0, 0, 2 };
	uint8_t *ip = frame + ETHERNET_HEADER, *body = ip + IPV4_HEADER;
	struct packet packet = { .from.family = ADDRESS_V4, .to.family = ADDRESS_V4 };
	struct checksum sum = { 0 };
	size_t at, body_len = len - ETHERNET_HEADER - IPV4_HEADER;

	memcpy(frame, LINK_GATEWAY_MAC, 6);
	memcpy(frame + 6, LINK_GUEST_MAC, 6);
	be16_store(frame + 12, ETHERTYPE_IPV4);
	memcpy(packet.from.bytes, guest, 4);
	memcpy(packet.to.bytes, ip + 16, 4);
	ipv4_build(ip, &packet.from, &packet.to, ip[9], body_len);
	at = ip[9] == PROTOCOL_TCP ? 16 : ip[9] == PROTOCOL_UDP ? 6 : 2;
	if (body_len < at + 2)
		return;
	be16_store(body + at, 0);
	if (ip[9] != PROTOCOL_ICMP)
		checksum_add_pseudo(&sum, &packet.from, &packet.to, ip[9], body_len);
	checksum_add(&sum, body, body_len);
	be16_store(body + at, checksum_finish(&sum));
}

static void follow(const struct world *world, uint8_t *tcp)
{
	be32_store(tcp + TCP_SEQ, be32_load(tcp + TCP_SEQ) + world->ack);
	be32_store(tcp + TCP_ACK, be32_load(tcp + TCP_ACK) + world->seq);
}

static void free_given(struct world *world)
{
	while (world->given_count > 0)
		free(world->given[--world->given_count]);
}

static void flush(struct world *world)
{
	net_stack_flush(world->stack, world->now_ms);
	free_given(world);
}

static void frame(struct world *world, enum action action, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	struct net_offload offload = { .checksum = action == ACTION_OFFLOADED };
	struct iovec parts[2];

	if (copy == NULL)
		abort();
	memcpy(copy, data, len);
	if (len >= ETHERNET_HEADER + IPV4_HEADER + 20 && action != ACTION_RAW) {
		if (action != ACTION_SEALED)
			follow(world, copy + ETHERNET_HEADER + IPV4_HEADER);
		seal(copy, len);
	}
	parts[0] = (struct iovec){ copy, len / 2 };
	parts[1] = (struct iovec){ copy + len / 2, len - len / 2 };
	net_stack_input(world->stack, &offload, parts, 2, world->now_ms);
	world->given[world->given_count++] = copy;
	if (world->given_count == GIVEN)
		flush(world);
}

static void connect_guest(struct world *world, uint8_t argument)
{
	const struct endpoint from = { { ADDRESS_V4, { 192, 0, 0, 1 } }, 3000 };
	const struct endpoint to = { { ADDRESS_V4, { 192, 0, 0, 2 } }, argument };
	struct net_flow *flow, **slot = &world->flows[argument % FLOWS];

	if (*slot == NULL &&
	    net_stack_connect(world->stack, &from, &to, NULL, NULL, world->now_ms, &flow) == 0) {
		*slot = flow;
		world->opened++;
	}
}

static void act_on_flow(struct world *world, enum action action, uint8_t argument)
{
	struct net_flow *flow = world->flows[argument % FLOWS];

	if (flow == NULL)
		return;
	if (action == ACTION_ACCEPT)
		net_flow_accept(flow, world->now_ms);
	else if (action == ACTION_REFUSE)
		net_flow_refuse(flow, (enum net_refusal)(argument / FLOWS % 4), world->now_ms);
	else if (action == ACTION_READABLE)
		net_flow_readable(flow, world->now_ms);
	else if (action == ACTION_WRITABLE)
		net_flow_writable(flow, world->now_ms);
	else
		net_flow_reset(flow, world->now_ms);
}

static void act(struct world *world, enum action action, uint8_t argument)
{
	const struct endpoint from = { { ADDRESS_V4, { 192, 0, 0, 1 } }, 53 };
	const struct endpoint to = { { ADDRESS_V4, { 192, 0, 0, 2 } }, argument };

	switch (action) {
	case ACTION_CONNECT:
		connect_guest(world, argument);
		break;
	case ACTION_TIME:
		world->now_ms += (uint64_t)argument * argument * 16;
		(void)net_stack_tick(world->stack, world->now_ms);
		break;
	case ACTION_FLUSH:
		world->mood = argument;
		flush(world);
		break;
	case ACTION_ROOM:
		world->room = argument % 2;
		net_stack_guest_takes(world->stack, argument & 2, argument & 4, argument & 8);
		net_stack_link_ready(world->stack, world->now_ms);
		break;
	case ACTION_DATAGRAM:
		net_stack_udp_send(world->stack, &from, &to, &from, sizeof(from));
		break;
	case ACTION_ACCEPT:
	case ACTION_REFUSE:
	case ACTION_READABLE:
	case ACTION_WRITABLE:
	case ACTION_RESET:
		act_on_flow(world, action, argument);
		break;
	case ACTION_RAW:
	case ACTION_SEALED:
	case ACTION_FOLLOWED:
	case ACTION_OFFLOADED:
	case ACTIONS:
		break;
	}
}

static void play(struct world *world, const uint8_t *data, size_t size)
{
	while (size >= 2) {
		enum action action = data[0] % ACTIONS;
		uint8_t argument = data[1];
		size_t used = 2;

		if (action <= ACTION_OFFLOADED) {
			size_t len = min_of(argument, size - 2);

			frame(world, action, data + 2, len);
			used += len;
		} else {
			act(world, action, argument);
		}
		data += used;
		size -= used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	const struct net_stack_config config = { .world = &impl,
						 .owner = &world,
						 .guest_mac = LINK_GUEST_MAC,
						 .gateway_mac = LINK_GATEWAY_MAC };

	world = (struct world){ .room = 1, .now_ms = 1 };
	if (net_stack_create(&config, &world.stack) < 0)
		abort();
	play(&world, data, size);
	net_stack_destroy(world.stack);
	free_given(&world);
	if (world.closed != world.opened)
		abort();
	return 0;
}
