#include "bench/net/guest.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "bench/net/link.h"

enum {
	ETH = 14,
	TCP_AT = 34,
	HEADERS = 54,
	SYN_HEADER = 28,
	FIN = 1,
	SYN = 2,
	RST = 4,
	ACK = 16,
	OUR_SCALE = 7,
	OUR_WINDOW = 3 << 20, /* what Linux grows to by itself */
	RETRY_MS = 10,	      /* about when Linux's tail loss probe goes out here */
	FIRST_WINDOW = 10,
	WINDOW_MAX = 64 << 20,
	ARP_TRIES = 50,
	BURST = 64,
};

static uint32_t sum_words(const uint8_t *at, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += be16_load(at + i);
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void build_ip(const struct guest *guest, uint8_t *frame, size_t len)
{
	uint8_t *ip = frame + ETH;

	memcpy(frame, guest->gateway_mac, 6);
	memcpy(frame + 6, guest->config.mac, 6);
	be16_store(frame + 12, 0x0800);
	memset(ip, 0, 20);
	ip[0] = 0x45;
	be16_store(ip + 2, (uint16_t)(len - ETH));
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, guest->config.address, 4);
	memcpy(ip + 16, guest->config.target, 4);
	be16_store(ip + 10, (uint16_t)~fold(sum_words(ip, 20)));
}

/* The payload is zeros: it adds nothing to the sum. */
static void seal(const struct guest *guest, uint8_t *frame, size_t len, size_t header)
{
	uint8_t *tcp = frame + TCP_AT;
	uint32_t sum = sum_words(frame + ETH + 12, 8) + 6 + (uint32_t)(len - TCP_AT);

	be16_store(tcp + 16, guest->config.link->has_checksum
				     ? fold(sum)
				     : (uint16_t)~fold(sum + sum_words(tcp, header)));
}

static bool send_segment(struct guest *guest, unsigned index, uint8_t flags, size_t payload)
{
	struct link *link = guest->config.link;
	struct flow *flow = &guest->flows[index];
	uint8_t *frame = link->impl->frame(link), *tcp;
	size_t header = (flags & SYN) != 0 ? SYN_HEADER : 20, len = TCP_AT + header + payload;

	if (frame == NULL)
		return false;
	tcp = frame + TCP_AT;
	build_ip(guest, frame, len);
	memset(tcp, 0, SYN_HEADER); /* what options a former frame had there is payload now */
	be16_store(tcp, (uint16_t)(GUEST_FIRST_PORT + index));
	be16_store(tcp + 2,
		   (uint16_t)(guest->config.target_port + index % guest->config.target_ports));
	be32_store(tcp + 4, flow->nxt);
	be32_store(tcp + 8, flow->rcv);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = flags;
	be16_store(tcp + 14, (flags & SYN) != 0 ? 65535 : OUR_WINDOW >> OUR_SCALE);
	if ((flags & SYN) != 0) {
		tcp[20] = 2;
		tcp[21] = 4;
		be16_store(tcp + 22, (uint16_t)(link->mtu - 40));
		memcpy(tcp + 24, "\1\3\3\7", 4);
	}
	seal(guest, frame, len, header);
	link->impl->send(link, len, payload > flow->mss ? flow->mss : 0);
	flow->nxt += (uint32_t)payload + ((flags & (SYN | FIN)) != 0);
	flow->ack_due = false;
	return true;
}

bool guest_open(struct guest *guest, unsigned index)
{
	struct flow *flow = &guest->flows[index];
	uint32_t sequence = (uint32_t)clock_now_ms() * 1000 + index;

	*flow = (struct flow){ .step = FLOW_ASKED,
			       .una = sequence,
			       .nxt = sequence,
			       .mss = 536,
			       .sent_ms = clock_now_ms() };
	if (send_segment(guest, index, SYN, 0))
		return true;
	flow->step = FLOW_FREE;
	return false;
}

bool guest_reset(struct guest *guest, unsigned index)
{
	if (!send_segment(guest, index, RST, 0))
		return false;
	guest->flows[index].step = FLOW_FREE;
	return true;
}

static size_t frame_limit(const struct guest *guest, const struct flow *flow)
{
	size_t most = LINK_FRAME_MAX - HEADERS;

	return guest->config.link->has_tso ? most - most % flow->mss : flow->mss;
}

static uint32_t usable(const struct flow *flow)
{
	uint32_t in_flight = flow->nxt - flow->una, window = flow->edge - flow->una;

	window = min_of(window, flow->window);
	return window > in_flight ? window - in_flight : 0;
}

/* Everything from una on again, and half as much at once. */
static void go_back(struct flow *flow)
{
	flow->threshold = max_of((flow->nxt - flow->una) / 2, 2U * flow->mss);
	flow->window = flow->threshold;
	flow->nxt = flow->una;
}

void guest_retry(struct guest *guest, unsigned index)
{
	struct flow *flow = &guest->flows[index];

	if (flow->nxt == flow->una || clock_now_ms() - flow->sent_ms <= RETRY_MS)
		return;
	go_back(flow);
	flow->sent_ms = clock_now_ms();
}

void guest_push(struct guest *guest, unsigned index)
{
	struct flow *flow = &guest->flows[index];
	uint64_t unsent = flow->wants - flow->acked - (flow->nxt - flow->una);
	size_t limit = frame_limit(guest, flow);

	for (unsigned i = 0; i < BURST && flow->step == FLOW_OPEN && !flow->fin_sent; i++) {
		uint32_t room = usable(flow);
		size_t n = min_of(unsent, limit);

		if (room == 0 || n == 0)
			return;
		if (n > room) /* whole segments, as Linux does */
			n = room >= flow->mss	     ? room - room % flow->mss
			    : flow->nxt == flow->una ? room
						     : 0;
		if (n == 0 || !send_segment(guest, index, ACK, n))
			return;
		unsent -= n;
		flow->sent_ms = clock_now_ms();
	}
}

static void owe(struct guest *guest, unsigned index)
{
	struct flow *flow = &guest->flows[index];

	if (!flow->ack_due)
		guest->due[guest->due_count++] = index;
	flow->ack_due = true;
}

static void take_syn(struct guest *guest, struct flow *flow, const uint8_t *tcp)
{
	size_t end = (tcp[12] >> 4) * 4U;

	flow->rcv = be32_load(tcp + 4) + 1;
	flow->una = flow->nxt;
	for (size_t i = 20; i + 1 < end && tcp[i] != 0;
	     i += tcp[i] == 1 ? 1 : max_of(tcp[i + 1], 1)) {
		if (tcp[i] == 2)
			flow->mss = min_of(be16_load(tcp + i + 2),
					   (uint16_t)(guest->config.link->mtu - 40));
		if (tcp[i] == 3)
			flow->scale = tcp[i + 2];
	}
	flow->edge = flow->nxt + be16_load(tcp + 14);
	flow->window = (uint32_t)FIRST_WINDOW * flow->mss;
	flow->threshold = WINDOW_MAX;
	flow->step = FLOW_OPEN;
	guest->open++;
}

static void take_ack(struct guest *guest, struct flow *flow, const uint8_t *tcp, size_t payload)
{
	uint32_t ack = be32_load(tcp + 8), edge = ack + (be16_load(tcp + 14) << flow->scale);
	uint32_t bytes = ack - flow->una;

	if ((int32_t)bytes < 0)
		return;
	if (bytes == 0 && payload == 0 && edge == flow->edge && flow->nxt != flow->una &&
	    ++flow->duplicates == 3)
		go_back(flow);
	flow->edge = edge;
	if (bytes == 0)
		return;
	if (flow->window < WINDOW_MAX)
		flow->window += flow->window < flow->threshold
					? bytes
					: (uint32_t)((uint64_t)bytes * flow->mss / flow->window);
	flow->una = ack;
	if ((int32_t)(flow->nxt - ack) < 0)
		flow->nxt = ack;
	flow->acked += bytes;
	guest->acked += bytes;
	flow->duplicates = 0;
	flow->sent_ms = clock_now_ms();
}

static void take_data(struct guest *guest, unsigned index, const uint8_t *tcp, size_t payload)
{
	struct flow *flow = &guest->flows[index];
	bool fin = (tcp[13] & FIN) != 0;

	if (payload == 0 && !fin)
		return;
	if (be32_load(tcp + 4) == flow->rcv) {
		flow->rcv += (uint32_t)payload + fin;
		flow->received += payload;
		guest->received += payload;
		flow->fin_due |= fin;
	}
	owe(guest, index);
}

static void take_segment(struct guest *guest, const uint8_t *frame, size_t len)
{
	const uint8_t *tcp = frame + TCP_AT;
	unsigned index = be16_load(tcp + 2) - GUEST_FIRST_PORT;
	struct flow *flow = &guest->flows[index % GUEST_FLOWS_MAX];
	size_t payload = be16_load(frame + ETH + 2) - 20U - (tcp[12] >> 4) * 4U;

	if (index >= GUEST_FLOWS_MAX || len < HEADERS)
		return;
	if ((tcp[13] & RST) != 0 && flow->step != FLOW_ENDED) {
		flow->step = FLOW_RESET;
		guest->reset++;
	} else if (flow->step == FLOW_ASKED && (tcp[13] & SYN) != 0) {
		take_syn(guest, flow, tcp);
		owe(guest, index);
	} else if (flow->step == FLOW_OPEN) {
		take_ack(guest, flow, tcp, payload);
		take_data(guest, index, tcp, payload);
	}
}

static void send_arp(struct guest *guest, uint8_t operation, const uint8_t *mac, const uint8_t *to)
{
	static const uint8_t head[] = { 0, 1, 8, 0, 6, 4, 0 };
	struct link *link = guest->config.link;
	uint8_t *frame = link->impl->frame(link), *arp;

	if (frame == NULL)
		return;
	arp = frame + ETH;
	memset(frame, 0xff, 6);
	memcpy(frame + 6, guest->config.mac, 6);
	be16_store(frame + 12, 0x0806);
	memcpy(arp, head, sizeof(head));
	arp[7] = operation;
	memcpy(arp + 8, guest->config.mac, 6);
	memcpy(arp + 14, guest->config.address, 4);
	memcpy(arp + 18, mac, 6);
	memcpy(arp + 24, to, 4);
	link->impl->send(link, ETH + 28, 0);
}

static void take_arp(struct guest *guest, const uint8_t *arp)
{
	if (arp[7] == 1 && memcmp(arp + 24, guest->config.address, 4) == 0)
		send_arp(guest, 2, arp + 8, arp + 14);
	if (arp[7] != 2 || memcmp(arp + 14, guest->config.gateway, 4) != 0)
		return;
	memcpy(guest->gateway_mac, arp + 8, 6);
	guest->has_gateway = true;
}

/* Acknowledges what came, ends what the other end has ended. */
static void answer(struct guest *guest)
{
	unsigned left = 0;

	for (unsigned i = 0; i < guest->due_count; i++) {
		unsigned index = guest->due[i];
		struct flow *flow = &guest->flows[index];
		bool fin = flow->fin_due && !flow->fin_sent;

		if (!flow->ack_due || flow->step != FLOW_OPEN)
			continue;
		if (!send_segment(guest, index, ACK | (fin ? FIN : 0), 0)) {
			guest->due[left++] = index;
			continue;
		}
		flow->fin_sent |= fin;
		if (fin) {
			flow->step = FLOW_ENDED;
			guest->ended++;
		}
	}
	guest->due_count = left;
}

bool guest_step(struct guest *guest)
{
	struct link *link = guest->config.link;
	const uint8_t *frame;
	bool came = false;
	size_t len;

	for (unsigned i = 0; i < BURST && (frame = link->impl->receive(link, &len)) != NULL; i++) {
		came = true;
		if (be16_load(frame + 12) == 0x0806)
			take_arp(guest, frame + ETH);
		else if (be16_load(frame + 12) == 0x0800 && frame[ETH + 9] == 6)
			take_segment(guest, frame, len);
	}
	answer(guest);
	link->impl->flush(link);
	return came;
}

bool guest_begin(struct guest *guest, const struct guest_config *config)
{
	static const uint8_t nobody[6];

	memset(guest, 0, sizeof(*guest));
	guest->config = *config;
	for (int i = 0; i < ARP_TRIES && !guest->has_gateway; i++) {
		send_arp(guest, 1, nobody, config->gateway);
		config->link->impl->flush(config->link);
		(void)config->link->impl->wait(config->link, 100);
		(void)guest_step(guest);
	}
	return guest->has_gateway;
}
