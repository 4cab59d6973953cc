#include "tests/unit/net/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

enum { ETH = 14, TCP = 6, UDP = 17, ICMP = 1, ICMP6 = 58 };

static bool wrong;

bool wire_is_wrong(void)
{
	return wrong;
}

static bool bad(const char *why)
{
	printf("# frame of the stack: %s\n", why);
	wrong = true;
	return false;
}

uint8_t wire_byte(uint64_t at)
{
	return (uint8_t)(at * 37 + (at >> 8) * 11 + (at >> 16));
}

uint16_t wire_sum(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? bytes[i] * 256U : bytes[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

struct endpoint wire_endpoint(const char *address, uint16_t port)
{
	struct endpoint endpoint = { .port = port };
	bool v6 = strchr(address, ':') != NULL;

	endpoint.address.family = v6 ? ADDRESS_V6 : ADDRESS_V4;
	if (inet_pton(v6 ? AF_INET6 : AF_INET, address, endpoint.address.bytes) != 1)
		abort();
	return endpoint;
}

/* ---- the world ---- */

static int reserve(void *world, size_t len, struct iovec *ret, int max)
{
	struct wire *wire = world;
	unsigned taken = wire->count + wire->reserved;
	struct wire_frame *frame = &wire->frames[(wire->first + taken) % WIRE_FRAMES];
	size_t done = 0;
	int count = 0;

	if (taken == WIRE_FRAMES || wire->reserved == wire->room)
		return 0;
	if (wire->reserved++ == 0)
		wire->is_cut = false;
	for (; done < len && done < NET_FRAME_MAX && count < max && count < WIRE_PARTS; count++) {
		size_t n = min_of(min_of(len, (size_t)NET_FRAME_MAX) - done, wire->piece);

		ret[count] = (struct iovec){ frame->bytes + done, n };
		done += n;
	}
	frame->len = done;
	return count;
}

static void send_frame(void *world, size_t len, const struct net_offload *offload)
{
	struct wire *wire = world;
	struct wire_frame *frame = &wire->frames[(wire->first + wire->count) % WIRE_FRAMES];

	if (wire->reserved == 0 || len > frame->len || (wire->is_cut && len > 0))
		abort(); /* one reserve, one send; behind a gap none */
	wire->reserved--;
	wire->is_cut |= len < frame->len;
	if (len == 0)
		return;
	frame->len = len;
	frame->offload = *offload;
	wire->count++;
	wire->room--;
}

static void opened(void *world, struct net_flow *flow, const struct endpoint *to)
{
	struct wire *wire = world;
	struct peer *peer = &wire->peers[wire->peer_count++ % WIRE_PEERS];

	*peer = (struct peer){ .flow = flow, .to = *to, .takes = wire->peer_takes };
	net_flow_set_tag(flow, peer);
	wire->opened++;
	switch (wire->answer) {
	case WIRE_ACCEPT:
		net_flow_accept(flow, wire->now_ms);
		break;
	case WIRE_RESET:
		net_flow_refuse(flow, NET_REFUSE_RESET, wire->now_ms);
		break;
	case WIRE_PROHIBIT:
		net_flow_refuse(flow, NET_REFUSE_PROHIBITED, wire->now_ms);
		break;
	case WIRE_UNREACHABLE:
		net_flow_refuse(flow, NET_REFUSE_UNREACHABLE, wire->now_ms);
		break;
	case WIRE_DROP:
		net_flow_refuse(flow, NET_REFUSE_DROP, wire->now_ms);
		break;
	case WIRE_HOLD:
		break;
	}
}

static ssize_t write_peer(void *world, struct net_flow *flow, const struct iovec *parts, int count)
{
	struct peer *peer = net_flow_tag(flow);
	uint64_t before = peer->received;

	(void)world;
	peer->writes++;
	if (peer->write_error != 0)
		return peer->write_error;
	for (int i = 0; i < count; i++) {
		const uint8_t *bytes = parts[i].iov_base;

		for (size_t j = 0; j < parts[i].iov_len && peer->received < peer->takes; j++) {
			if (bytes[j] != wire_byte(peer->received++))
				peer->is_wrong = true;
		}
	}
	return peer->received > before ? (ssize_t)(peer->received - before) : -EAGAIN;
}

static void finished(void *world, struct net_flow *flow)
{
	struct peer *peer = net_flow_tag(flow);

	(void)world;
	peer->is_wrong |= peer->finished;
	peer->finished = true;
}

static ssize_t peek(void *world, struct net_flow *flow, size_t offset, const struct iovec *parts,
		    int count)
{
	struct peer *peer = net_flow_tag(flow);
	uint64_t at = peer->acked + offset;
	size_t done = 0;

	(void)world;
	peer->peeks++;
	if (peer->peek_error != 0)
		return peer->peek_error;
	for (int i = 0; i < count; i++) {
		uint8_t *bytes = parts[i].iov_base;

		for (size_t j = 0; j < parts[i].iov_len && at + done < peer->sends; j++)
			bytes[j] = wire_byte(at + done++);
	}
	if (done > 0)
		return (ssize_t)done;
	return peer->ends ? 0 : -EAGAIN;
}

static void acked(void *world, struct net_flow *flow, size_t bytes)
{
	struct peer *peer = net_flow_tag(flow);

	(void)world;
	peer->acked += bytes;
	peer->is_wrong |= peer->acked > peer->sends;
}

static void closed(void *world, struct net_flow *flow, int error)
{
	struct wire *wire = world;
	struct peer *peer = net_flow_tag(flow);

	wire->closed++;
	if (peer == NULL)
		return;
	peer->is_wrong |= peer->closed;
	peer->closed = true;
	peer->error = error;
	peer->flow = NULL;
}

static void datagram(void *world, const struct endpoint *from, const struct endpoint *to,
		     const struct iovec *parts, int count, size_t len)
{
	struct wire *wire = world;
	size_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += parts[i].iov_len;
	if (sum != len)
		abort();
	wire->datagrams++;
	wire->datagram_from = *from;
	wire->datagram_to = *to;
	wire->datagram_len = len;
}

static void dropped(void *world, const char *rule, const struct endpoint *to)
{
	struct wire *wire = world;

	(void)to;
	wire->rule = rule;
}

void wire_start(struct wire *wire)
{
	struct net_stack_config config = { .world = &wire->world,
					   .owner = wire,
					   .guest_mac = LINK_GUEST_MAC,
					   .gateway_mac = LINK_GATEWAY_MAC,
					   .seed = "0123456789abcde" };

	memset(wire, 0, offsetof(struct wire, frames));
	memset(&wire->first, 0, sizeof(*wire) - offsetof(struct wire, first));
	wire->world = (struct net_world){
		.reserve = reserve,
		.send = send_frame,
		.opened = opened,
		.write = write_peer,
		.finished = finished,
		.peek = peek,
		.acked = acked,
		.closed = closed,
		.datagram = datagram,
		.dropped = dropped,
	};
	wire->now_ms = 1000;
	wire->room = UINT32_MAX;
	wire->piece = NET_FRAME_MAX;
	wire->peer_takes = UINT64_MAX;
	wrong = false;
	if (net_stack_create(&config, &wire->stack) < 0)
		abort();
}

void wire_stop(struct wire *wire)
{
	net_stack_destroy(wire->stack);
	wire->stack = NULL;
	while (wire->given_count > 0)
		free(wire->given[--wire->given_count]);
}

/* ---- the guest's end ---- */

static size_t ip_header(uint8_t *to, const struct sent *sent, size_t len)
{
	struct endpoint from = wire_endpoint(sent->from ? sent->from
					     : sent->v6 ? LINK_GUEST6
							: LINK_GUEST4,
					     0);
	struct endpoint at = wire_endpoint(sent->to   ? sent->to
					   : sent->v6 ? LINK_GATEWAY6
						      : LINK_GATEWAY4,
					   0);

	memset(to, 0, 40);
	if (sent->v6) {
		to[0] = 0x60;
		be16_store(to + 4, (uint16_t)len);
		to[6] = sent->protocol;
		to[7] = sent->protocol == ICMP6 ? 255 : 64;
		memcpy(to + 8, from.address.bytes, 16);
		memcpy(to + 24, at.address.bytes, 16);
		return 40;
	}
	to[0] = 0x45;
	be16_store(to + 2, (uint16_t)(20 + len));
	to[8] = 64;
	to[9] = sent->protocol;
	memcpy(to + 12, from.address.bytes, 4);
	memcpy(to + 16, at.address.bytes, 4);
	return 20;
}

static size_t transport_header(uint8_t *to, const struct sent *sent)
{
	memset(to, 0, 60);
	if (sent->protocol == TCP) {
		be16_store(to, sent->from_port);
		be16_store(to + 2, sent->to_port);
		be32_store(to + 4, sent->seq);
		be32_store(to + 8, sent->ack);
		to[12] = (uint8_t)((20 + sent->options_len) / 4 << 4);
		to[13] = sent->flags;
		be16_store(to + 14, sent->window);
		if (sent->options_len > 0)
			memcpy(to + 20, sent->options, sent->options_len);
		return 20 + sent->options_len;
	}
	if (sent->protocol == UDP) {
		be16_store(to, sent->from_port);
		be16_store(to + 2, sent->to_port);
		be16_store(to + 4, (uint16_t)(8 + sent->len));
		return 8;
	}
	to[0] = (uint8_t)sent->from_port; /* ICMP: type and code */
	to[1] = (uint8_t)sent->to_port;
	return 8;
}

static uint32_t pseudo(const uint8_t *ip, bool v6, uint8_t protocol, size_t len)
{
	uint32_t sum = protocol + (uint32_t)len;

	return v6 ? wire_sum(ip + 8, 32, sum) : wire_sum(ip + 12, 8, sum);
}

static size_t checksum_at(uint8_t protocol)
{
	return protocol == TCP ? 16 : protocol == UDP ? 6 : 2;
}

void wire_seal(uint8_t *frame, size_t len)
{
	uint8_t *ip = frame + ETH;
	bool v6 = be16_load(frame + 12) == 0x86dd;
	size_t header = v6 ? 40 : (ip[0] & 15U) * 4;
	uint8_t protocol = v6 ? ip[6] : ip[9], *transport = ip + header;
	size_t body = len - ETH - header, at = checksum_at(protocol);
	uint16_t sum;

	if (!v6) {
		be16_store(ip + 10, 0);
		be16_store(ip + 10, (uint16_t)~wire_sum(ip, header, 0));
	}
	if (body < at + 2)
		return;
	be16_store(transport + at, 0);
	sum = (uint16_t)~wire_sum(transport, body,
				  protocol == ICMP ? 0 : pseudo(ip, v6, protocol, body));
	be16_store(transport + at, protocol == UDP && sum == 0 ? 0xffff : sum);
}

size_t wire_build(const struct sent *sent, uint8_t frame[NET_FRAME_MAX])
{
	uint8_t transport[60];
	size_t header = transport_header(transport, sent), ip, len;

	memcpy(frame, LINK_GATEWAY_MAC, 6);
	memcpy(frame + 6, LINK_GUEST_MAC, 6);
	be16_store(frame + 12, sent->v6 ? 0x86dd : 0x0800);
	ip = ip_header(frame + ETH, sent, header + sent->len);
	len = ETH + ip + header + sent->len;
	memcpy(frame + ETH + ip, transport, header);
	for (size_t i = 0; i < sent->len; i++)
		frame[len - sent->len + i] = wire_byte(sent->at + i);
	wire_seal(frame, len);
	return len;
}

/* What it gets stays as long as it must, and not longer. */
void wire_flush(struct wire *wire)
{
	net_stack_flush(wire->stack, wire->now_ms);
	while (wire->given_count > 0)
		free(wire->given[--wire->given_count]);
}

void wire_give(struct wire *wire, const uint8_t *bytes, size_t len)
{
	const struct net_offload none = { 0 };
	struct iovec parts[WIRE_PARTS];
	uint8_t *frame = malloc(len + 1);
	size_t done = 0;
	int count = 0;

	if (frame == NULL)
		abort();
	if (wire->given_count == WIRE_GIVEN)
		wire_flush(wire);
	wire->given[wire->given_count++] = memcpy(frame, bytes, len);
	for (; done < len && count < WIRE_PARTS - 1; count++) {
		size_t n = min_of(len - done, wire->piece);

		parts[count] = (struct iovec){ frame + done, n };
		done += n;
	}
	if (done < len)
		parts[count++] = (struct iovec){ frame + done, len - done };
	net_stack_input(wire->stack, &none, parts, count, wire->now_ms);
}

void wire_send(struct wire *wire, const struct sent *sent)
{
	static uint8_t frame[NET_FRAME_MAX];

	wire_give(wire, frame, wire_build(sent, frame));
	wire_flush(wire);
}

/* ---- what the stack sent ---- */

static bool see_options(struct seen *seen, const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != 0) {
		if (*at == 1) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at + at[1] > end)
			return bad("TCP options");
		if (*at == 2)
			seen->mss = be16_load(at + 2);
		if (*at == 3)
			seen->scale = at[2];
		at += at[1];
	}
	return true;
}

static bool see_tcp(struct seen *seen, const uint8_t *tcp, size_t len)
{
	size_t header = (tcp[12] >> 4) * 4U;

	if (len < 20 || header < 20 || header > len)
		return bad("TCP length");
	seen->from.port = be16_load(tcp);
	seen->to.port = be16_load(tcp + 2);
	seen->seq = be32_load(tcp + 4);
	seen->ack = be32_load(tcp + 8);
	seen->flags = tcp[13];
	seen->window = be16_load(tcp + 14);
	seen->payload = tcp + header;
	seen->len = len - header;
	if (seen->offload.segment != 0 && seen->offload.segment >= seen->len)
		return bad("segmentation of what is small");
	return see_options(seen, tcp + 20, tcp + header);
}

static bool see_transport(struct seen *seen, const uint8_t *ip, const uint8_t *at, size_t len)
{
	uint32_t sum = seen->protocol == ICMP ? 0 : pseudo(ip, seen->v6, seen->protocol, len);
	uint16_t field = be16_load(at + checksum_at(seen->protocol));

	if (seen->offload.checksum ? field != wire_sum(NULL, 0, sum)
				   : wire_sum(at, len, sum) != 0xffff)
		return bad("transport checksum");
	if (seen->protocol == TCP)
		return see_tcp(seen, at, len);
	if (seen->offload.checksum || seen->offload.segment != 0)
		return bad("offload of other than TCP");
	if (seen->protocol == UDP) {
		if (be16_load(at + 4) != len)
			return bad("UDP length");
		seen->from.port = be16_load(at);
		seen->to.port = be16_load(at + 2);
	} else {
		seen->icmp_type = at[0];
		seen->icmp_code = at[1];
	}
	seen->payload = at + 8;
	seen->len = len - 8;
	return true;
}

static bool see_ip(struct seen *seen, const uint8_t *ip, size_t len)
{
	size_t header = seen->v6 ? 40 : 20;
	size_t total = seen->v6 ? 40U + be16_load(ip + 4) : be16_load(ip + 2);

	if (len < header || total != len)
		return bad("IP length");
	if (!seen->v6 && (ip[0] != 0x45 || wire_sum(ip, 20, 0) != 0xffff))
		return bad("IPv4 header");
	seen->protocol = seen->v6 ? ip[6] : ip[9];
	seen->from.address.family = seen->to.address.family = seen->v6 ? ADDRESS_V6 : ADDRESS_V4;
	memcpy(seen->from.address.bytes, seen->v6 ? ip + 8 : ip + 12, seen->v6 ? 16 : 4);
	memcpy(seen->to.address.bytes, seen->v6 ? ip + 24 : ip + 16, seen->v6 ? 16 : 4);
	return see_transport(seen, ip, ip + header, len - header);
}

bool wire_take(struct wire *wire, struct seen *ret)
{
	struct wire_frame *frame = &wire->frames[wire->first % WIRE_FRAMES];

	if (wire->count == 0)
		return false;
	wire->first = (wire->first + 1) % WIRE_FRAMES;
	wire->count--;
	*ret = (struct seen){ .scale = -1, .offload = frame->offload };
	if (frame->len < ETH || memcmp(frame->bytes, LINK_GUEST_MAC, 6) != 0 ||
	    memcmp(frame->bytes + 6, LINK_GATEWAY_MAC, 6) != 0)
		return bad("Ethernet");
	ret->type = be16_load(frame->bytes + 12);
	ret->v6 = ret->type == 0x86dd;
	ret->payload = frame->bytes + ETH;
	ret->len = frame->len - ETH;
	if (ret->type == 0x0806)
		return true;
	if (ret->offload.is_v6 != ret->v6)
		return bad("offload of the other family");
	return see_ip(ret, frame->bytes + ETH, frame->len - ETH);
}

void wire_pass(struct wire *wire, uint64_t ms)
{
	uint64_t end = wire->now_ms + ms, next;

	while ((next = net_stack_tick(wire->stack, wire->now_ms)) <= end)
		wire->now_ms = max_of(next, wire->now_ms);
	wire->now_ms = end;
	(void)net_stack_tick(wire->stack, end);
}

void wire_more(struct wire *wire, struct peer *peer, uint64_t bytes, bool ends)
{
	peer->sends += bytes;
	peer->ends = ends;
	net_flow_readable(peer->flow, wire->now_ms);
}
