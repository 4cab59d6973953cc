/* Packets of the scripted guest: built and read by plain code of their own. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "net/link.h"
#include "tests/unit/sbx-net/card.h"

enum {
	ETHERNET = 14,
	IP4 = 20,
	IP6 = 40,
	TCP_HEADER = 20,
	UDP_HEADER = 8,
	PAYLOAD_MAX = 1400,
};

struct endpoint endpoint_of(const char *text)
{
	struct endpoint endpoint = { .port = 0 };

	if (endpoint_parse(text, &endpoint) < 0)
		endpoint.address.family = ADDRESS_NONE;
	return endpoint;
}

static uint32_t sum_of(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t put_transport(const struct packet *packet, uint8_t *to)
{
	size_t header = packet->protocol == IPPROTO_TCP ? TCP_HEADER : UDP_HEADER;

	memset(to, 0, header);
	be16_store(to, packet->from.port);
	be16_store(to + 2, packet->to.port);
	if (packet->protocol == IPPROTO_TCP) {
		be32_store(to + 4, packet->seq);
		be32_store(to + 8, packet->ack);
		to[12] = TCP_HEADER / 4 << 4;
		to[13] = packet->flags;
		be16_store(to + 14, UINT16_MAX);
	} else {
		be16_store(to + 4, (uint16_t)(UDP_HEADER + packet->len));
	}
	if (packet->len > 0)
		memcpy(to + header, packet->payload, packet->len);
	return header + packet->len;
}

static void put_ip4(const struct packet *packet, uint8_t *ip, size_t len)
{
	memset(ip, 0, IP4);
	ip[0] = 0x45;
	be16_store(ip + 2, (uint16_t)(IP4 + len));
	ip[8] = 64;
	ip[9] = packet->protocol;
	memcpy(ip + 12, packet->from.address.bytes, 4);
	memcpy(ip + 16, packet->to.address.bytes, 4);
	be16_store(ip + 10, fold(sum_of(ip, IP4, 0)));
}

static void put_ip6(const struct packet *packet, uint8_t *ip, size_t len)
{
	memset(ip, 0, IP6);
	ip[0] = 0x60;
	be16_store(ip + 4, (uint16_t)len);
	ip[6] = packet->protocol;
	ip[7] = 64;
	memcpy(ip + 8, packet->from.address.bytes, 16);
	memcpy(ip + 24, packet->to.address.bytes, 16);
}

size_t packet_build(const struct packet *packet, uint8_t *frame)
{
	bool v6 = packet->to.address.family == ADDRESS_V6;
	uint8_t *ip = frame + ETHERNET, *transport = ip + (v6 ? IP6 : IP4);
	size_t len = put_transport(packet, transport);
	uint32_t sum = (uint32_t)(packet->protocol + len);

	memcpy(frame, LINK_GATEWAY_MAC, 6);
	memcpy(frame + 6, LINK_GUEST_MAC, 6);
	be16_store(frame + 12, v6 ? 0x86dd : 0x0800);
	sum = sum_of(packet->from.address.bytes, 16, sum);
	sum = sum_of(packet->to.address.bytes, 16, sum);
	be16_store(transport + (packet->protocol == IPPROTO_TCP ? 16 : 6),
		   fold(sum_of(transport, len, sum)));
	if (v6)
		put_ip6(packet, ip, len);
	else
		put_ip4(packet, ip, len);
	return (size_t)(transport - frame) + len;
}

void card_send_packet(struct card *card, const struct packet *packet)
{
	uint8_t frame[ETHERNET + IP6 + TCP_HEADER + PAYLOAD_MAX];

	card_send(card, frame, packet_build(packet, frame));
}

static bool read_transport(const uint8_t *bytes, size_t len, struct packet *packet)
{
	size_t header = UDP_HEADER;

	if (len < UDP_HEADER)
		return false;
	if (packet->protocol == IPPROTO_TCP) {
		if (len < TCP_HEADER)
			return false;
		packet->seq = be32_load(bytes + 4);
		packet->ack = be32_load(bytes + 8);
		packet->flags = bytes[13];
		header = (size_t)(bytes[12] >> 4) * 4;
	}
	packet->from.port = be16_load(bytes);
	packet->to.port = be16_load(bytes + 2);
	packet->payload = bytes + header;
	packet->len = len - header;
	return true;
}

static bool read_packet(const uint8_t *frame, size_t len, struct packet *ret)
{
	const uint8_t *ip = frame + ETHERNET;
	bool v6 = len > ETHERNET + IP6 && be16_load(frame + 12) == 0x86dd;
	size_t size = v6 ? 16 : 4, at = v6 ? IP6 : IP4, end;

	if (!v6 && (len < ETHERNET + IP4 || be16_load(frame + 12) != 0x0800))
		return false;
	*ret = (struct packet){ .protocol = v6 ? ip[6] : ip[9] };
	ret->from.address.family = ret->to.address.family = v6 ? ADDRESS_V6 : ADDRESS_V4;
	memcpy(ret->from.address.bytes, v6 ? ip + 8 : ip + 12, size);
	memcpy(ret->to.address.bytes, v6 ? ip + 24 : ip + 16, size);
	end = v6 ? (size_t)IP6 + be16_load(ip + 4) : be16_load(ip + 2);
	if (ret->protocol != IPPROTO_TCP && ret->protocol != IPPROTO_UDP &&
	    ret->protocol != IPPROTO_ICMP)
		return false;
	return end <= len - ETHERNET && end >= at && read_transport(ip + at, end - at, ret);
}

bool card_next_packet(struct card *card, struct packet *ret)
{
	while (card_next(card)) {
		if (read_packet(card->frame, card->len, ret))
			return true;
	}
	return false;
}

static void send_segment(struct card *card, const struct session *session, uint8_t flags,
			 const void *bytes, size_t len)
{
	const struct packet packet = { .protocol = IPPROTO_TCP,
				       .from = session->from,
				       .to = session->to,
				       .seq = session->seq,
				       .ack = session->ack,
				       .flags = flags,
				       .payload = bytes,
				       .len = len };

	card_send_packet(card, &packet);
}

static bool next_segment(struct card *card, const struct session *session, struct packet *ret)
{
	while (card_next_packet(card, ret)) {
		if (ret->protocol == IPPROTO_TCP && ret->from.port == session->to.port &&
		    ret->to.port == session->from.port &&
		    address_equal(&ret->from.address, &session->to.address))
			return true;
	}
	return false;
}

bool session_open(struct card *card, struct session *session, const char *to, uint16_t from_port)
{
	const struct endpoint there = endpoint_of(to);
	bool v6 = there.address.family == ADDRESS_V6;
	struct packet packet;

	*session = (struct session){
		.from = endpoint_of(v6 ? "[" LINK_GUEST6 "]:1" : LINK_GUEST4 ":1"),
		.to = there,
		.seq = 1000u * from_port,
	};
	session->from.port = from_port;
	send_segment(card, session, TCP_SYN, NULL, 0);
	if (!next_segment(card, session, &packet) || (packet.flags & TCP_RST) != 0)
		return false;
	session->seq++;
	session->ack = packet.seq + 1;
	send_segment(card, session, TCP_ACK, NULL, 0);
	return packet.flags == (TCP_SYN | TCP_ACK);
}

void session_send(struct card *card, struct session *session, const void *bytes, size_t len)
{
	send_segment(card, session, TCP_ACK | TCP_PSH, bytes, len);
	session->seq += (uint32_t)len;
}

ssize_t session_receive(struct card *card, struct session *session, void *to, size_t max)
{
	struct packet packet;

	while (next_segment(card, session, &packet)) {
		if ((packet.flags & TCP_RST) != 0)
			return -ECONNRESET;
		if (packet.seq != session->ack)
			continue;
		if (packet.len == 0 && (packet.flags & TCP_FIN) != 0)
			return 0;
		if (packet.len == 0 || packet.len > max)
			continue;
		memcpy(to, packet.payload, packet.len);
		session->ack += (uint32_t)packet.len;
		send_segment(card, session, TCP_ACK, NULL, 0);
		return (ssize_t)packet.len;
	}
	return -ETIMEDOUT;
}
