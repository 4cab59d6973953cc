/*
 * TCP, scripted: each case is a short exchange between a guest and the world,
 * segment by segment. N22 and N23 name attacks.
 */
#include <errno.h>

#include "base/check.h"
#include "net/stack.h"
#include "tests/unit/net/client.h"
#include "tests/unit/net/wire.h"
#include "tests/unit/test.h"

enum { PORT = 40000, CLIENT_WINDOW_BYTES = CLIENT_WINDOW << CLIENT_SCALE };

static struct wire wire;

static const struct net_counters *counters(void)
{
	return net_stack_counters(wire.stack);
}

/* Both ends have closed in order, the guest first. */
static bool close_from_guest(struct client *client)
{
	client_send(client, SEEN_FIN | SEEN_ACK, 0, 0);
	if (!client_expect(client, SEEN_ACK, 0) || !client->peer->finished)
		return false;
	wire_more(&wire, client->peer, 0, true);
	if (!client_expect(client, SEEN_ACK | SEEN_FIN, 0))
		return false;
	client_send(client, SEEN_ACK, 0, 0);
	return client_hears_nothing(client) && client->peer->closed && client->peer->error == 0;
}

TEST(opens_speaks_and_closes)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct client client = { .v6 = v6 != 0 };

		wire_start(&wire);
		CHECK(client_open(&client, &wire, PORT));
		CHECK_EQ(client.peer->to.port, 80);
		CHECK(client.seen.mss > 1000 && client.seen.scale > 0);
		client_send(&client, SEEN_ACK | SEEN_PSH, 0, 100);
		CHECK(client_expect(&client, SEEN_ACK, 0));
		CHECK_EQ(client.seen.ack, client.seq);
		CHECK_EQ(client.peer->received, 100);
		wire_more(&wire, client.peer, 200, false);
		CHECK(client_expect(&client, SEEN_ACK, 200));
		CHECK_EQ(client.seen.payload[199], wire_byte(199));
		client_send(&client, SEEN_ACK, 0, 0);
		CHECK_EQ(client.peer->acked, 200);
		CHECK(close_from_guest(&client));
		CHECK(!client.peer->is_wrong && !wire_is_wrong());
		CHECK_EQ(counters()->flows, 0);
		CHECK_EQ(counters()->flows_opened, 1);
		wire_stop(&wire);
	}
}

TEST(closes_from_the_world_and_waits)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	wire_more(&wire, client.peer, 10, true);
	CHECK(client_expect(&client, SEEN_ACK, 10));
	CHECK(client_expect(&client, SEEN_ACK | SEEN_FIN, 0));
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK_EQ(client.peer->acked, 10);
	/* Half-closed: the guest still speaks. */
	client_send(&client, SEEN_ACK, 0, 5000);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.peer->received, 5000);
	client_send(&client, SEEN_ACK | SEEN_FIN, 0, 0);
	CHECK(client.peer->closed && client.peer->finished && client.peer->error == 0);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	/* The ACK was lost: the FIN comes again, for a while. */
	client_send_at(&client, client.seq - 1, SEEN_ACK | SEEN_FIN, 0, 0);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(counters()->flows, 1);
	wire_pass(&wire, 1000);
	CHECK_EQ(counters()->flows, 0);
	wire_stop(&wire);
}

TEST(both_close_at_once)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	wire_more(&wire, client.peer, 0, true);
	client_send_at(&client, client.seq, SEEN_ACK | SEEN_FIN, 0, 0);
	client.seq++;
	CHECK(client_expect(&client, SEEN_ACK | SEEN_FIN, 0));
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK(!client.peer->closed);
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK(client.peer->closed && client.peer->error == 0);
	wire_stop(&wire);
}

TEST(the_guest_half_closes)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	client_send(&client, SEEN_ACK | SEEN_FIN, 0, 300);
	CHECK(client.peer->finished && client.peer->received == 300);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.seen.ack, client.seq);
	wire_more(&wire, client.peer, 70000, false);
	CHECK(client_expect(&client, SEEN_ACK, 65480));
	CHECK(client_expect(&client, SEEN_ACK, 70000 - 65480));
	client_send(&client, SEEN_ACK, 0, 0);
	/* What comes after its end is not heard. */
	client_send_at(&client, client.seq, SEEN_ACK, 0, 50);
	CHECK_EQ(client.peer->received, 300);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	wire_more(&wire, client.peer, 0, true);
	CHECK(client_expect(&client, SEEN_ACK | SEEN_FIN, 0));
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK(client.peer->closed && client.peer->error == 0);
	CHECK_EQ(counters()->flows, 0);
	wire_stop(&wire);
}

TEST(N22_refusals)
{
	const struct {
		enum wire_answer answer;
		int icmp_code; /* -1: none */
		bool reset;
	} rows[] = {
		{ WIRE_RESET, -1, true },
		{ WIRE_PROHIBIT, 13, true },
		{ WIRE_UNREACHABLE, 1, false },
		{ WIRE_DROP, -1, false },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct client client = {
			.wire = &wire, .to = "93.184.216.34", .port = PORT, .to_port = 81, .seq = 77
		};
		struct seen seen;

		wire_start(&wire);
		wire.answer = rows[i].answer;
		client_send_syn(&client);
		if (rows[i].icmp_code >= 0) {
			CHECK(wire_take(&wire, &seen));
			CHECK(seen.protocol == 1 && seen.icmp_type == 3);
			CHECK_EQ(seen.icmp_code, rows[i].icmp_code);
			CHECK_EQ(seen.payload[27], 77);
		}
		if (rows[i].reset) {
			CHECK(client_expect(&client, SEEN_RST | SEEN_ACK, 0));
			CHECK_EQ(client.seen.ack, 78);
		}
		CHECK(client_hears_nothing(&client));
		CHECK_EQ(wire.closed, 1);
		CHECK_EQ(counters()->flows_refused, 1);
		CHECK_EQ(counters()->flows + counters()->half_open, 0);
		wire_stop(&wire);
	}
}

TEST(the_world_takes_its_time)
{
	struct client client = { .wire = &wire,
				 .to = "93.184.216.34",
				 .port = PORT,
				 .to_port = 80,
				 .window = CLIENT_WINDOW,
				 .seq = 5 };

	wire_start(&wire);
	wire.answer = WIRE_HOLD;
	client_send_syn(&client);
	client.seq--;
	client_send_syn(&client); /* again: asked once */
	CHECK(client_hears_nothing(&client));
	CHECK_EQ(wire.opened, 1);
	CHECK_EQ(counters()->half_open, 1);
	net_flow_accept(wire.peers[0].flow, wire.now_ms);
	CHECK(wire_take(&wire, &client.seen));
	CHECK_EQ(client.seen.flags, SEEN_SYN | SEEN_ACK);
	client.seq--;
	client_send_syn(&client); /* the answer was lost */
	CHECK(wire_take(&wire, &client.seen));
	CHECK_EQ(client.seen.flags, SEEN_SYN | SEEN_ACK);
	client.ack = client.seen.seq + 1;
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK_EQ(counters()->half_open, 0);
	CHECK_EQ(counters()->flows_opened, 1);
	wire_stop(&wire);
}

TEST(a_world_that_never_answers)
{
	struct client client = {
		.wire = &wire, .to = "93.184.216.34", .port = PORT, .to_port = 80, .seq = 5
	};
	struct seen seen;

	wire_start(&wire);
	wire.answer = WIRE_HOLD;
	client_send_syn(&client);
	wire_pass(&wire, 200 * 1000);
	CHECK(wire_take(&wire, &seen));
	CHECK(seen.icmp_type == 3 && seen.icmp_code == 1);
	CHECK(wire.peers[0].closed && wire.peers[0].error == -ETIMEDOUT);
	wire_stop(&wire);
}

TEST(a_guest_that_starts_anew)
{
	struct client client = {
		.wire = &wire, .to = "93.184.216.34", .port = PORT, .to_port = 80, .seq = 5
	};

	wire_start(&wire);
	wire.answer = WIRE_HOLD;
	client_send_syn(&client);
	client.seq = 5000;
	client_send_syn(&client);
	CHECK_EQ(wire.opened, 2);
	CHECK(wire.peers[0].closed && wire.peers[0].error == -ECONNRESET);
	CHECK(!wire.peers[1].closed);
	client_send(&client, SEEN_RST, 0, 0);
	CHECK(wire.peers[1].closed);
	CHECK_EQ(counters()->half_open, 0);
	wire_stop(&wire);
}

TEST(strays_are_reset)
{
	struct client client = { .wire = &wire,
				 .to = "93.184.216.34",
				 .port = PORT,
				 .to_port = 80,
				 .seq = 5,
				 .ack = 99 };

	wire_start(&wire);
	client_send(&client, SEEN_ACK, 0, 3);
	CHECK(client_expect(&client, SEEN_RST, 0));
	client_send(&client, SEEN_SYN | SEEN_ACK, 0, 0);
	CHECK(client_expect(&client, SEEN_RST, 0));
	client_send(&client, SEEN_RST, 0, 0);
	client_send(&client, SEEN_RST | SEEN_ACK, 0, 0);
	CHECK(client_hears_nothing(&client));
	client.ack = 0;
	client_send_at(&client, 100, SEEN_SYN | SEEN_FIN, 0, 0);
	CHECK(client_expect(&client, SEEN_RST | SEEN_ACK, 0));
	CHECK_EQ(client.seen.ack, 102);
	client_send_at(&client, 100, 0, 0, 10);
	CHECK(client_expect(&client, SEEN_RST | SEEN_ACK, 0));
	CHECK_EQ(client.seen.ack, 110);
	CHECK_EQ(wire.opened, 0);
	wire_stop(&wire);
}

/* RFC 5961: only the exact number resets; what is near is challenged, the rest not heard. */
TEST(resets_are_believed_when_exact)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	client_send_at(&client, client.seq + 1, SEEN_RST, 0, 0);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	client_send_at(&client, client.seq - 1, SEEN_RST, 0, 0);
	client_send_at(&client, client.seq + (64 << 20), SEEN_RST, 0, 0);
	CHECK(client_hears_nothing(&client));
	client_send_at(&client, client.seq, SEEN_SYN, 0, 0);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.seen.ack, client.seq);
	CHECK(!client.peer->closed);
	client_send(&client, SEEN_RST, 0, 0);
	CHECK(client.peer->closed && client.peer->error == -ECONNRESET);
	CHECK(client_hears_nothing(&client));
	CHECK_EQ(counters()->flows, 0);
	wire_stop(&wire);
}

TEST(acks_of_what_was_never_sent)
{
	struct client client = { .port = 0 };
	uint32_t right;

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	right = client.ack;
	client.ack = right + 1;
	client_send_at(&client, client.seq, SEEN_ACK, 0, 10);
	client.ack = right;
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.peer->received, 0);
	client.ack = right - (1U << 31) + 10;
	client_send_at(&client, client.seq, SEEN_ACK, 0, 10);
	client.ack = right;
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.peer->received, 0);
	wire_stop(&wire);
}

TEST(the_handshake_is_completed_by_its_own_ack)
{
	struct client client = {
		.wire = &wire, .to = "93.184.216.34", .port = PORT, .to_port = 80, .seq = 5
	};

	wire_start(&wire);
	client_send_syn(&client);
	CHECK(wire_take(&wire, &client.seen));
	client.ack = client.seen.seq + 2;
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK(client_expect(&client, SEEN_RST, 0));
	CHECK_EQ(counters()->flows_opened, 0);
	client.ack = client.seen.seq - 1;
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK_EQ(counters()->flows_opened, 1);
	wire_stop(&wire);
}

TEST(the_world_resets)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	net_flow_reset(client.peer->flow, wire.now_ms);
	CHECK(client.peer->closed && client.peer->error == 0);
	CHECK(client_expect(&client, SEEN_RST | SEEN_ACK, 0));
	CHECK_EQ(client.seen.ack, client.seq);
	CHECK(client_open(&client, &wire, PORT));
	client.peer->write_error = -EPIPE;
	client_send(&client, SEEN_ACK, 0, 9);
	CHECK(client.peer->closed && client.peer->error == -EPIPE);
	CHECK(client_expect(&client, SEEN_RST | SEEN_ACK, 0));
	CHECK(client_open(&client, &wire, PORT));
	client.peer->peek_error = -ECONNRESET;
	net_flow_readable(client.peer->flow, wire.now_ms);
	CHECK(client.peer->closed && client.peer->error == -ECONNRESET);
	CHECK(client_expect(&client, SEEN_RST | SEEN_ACK, 0));
	CHECK_EQ(counters()->flows, 0);
	wire_stop(&wire);
}

TEST(one_ack_for_a_burst)
{
	struct client client = { .port = 0 };
	struct sent sent = { .protocol = 6,
			     .to = "93.184.216.34",
			     .from_port = PORT,
			     .to_port = 80,
			     .flags = SEEN_ACK,
			     .len = 1000 };
	static uint8_t frame[NET_FRAME_MAX];

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	for (unsigned i = 0; i < 10; i++) {
		sent.seq = client.seq;
		sent.ack = client.ack;
		sent.at = i * 1000UL;
		wire_give(&wire, frame, wire_build(&sent, frame));
		client.seq += 1000;
	}
	CHECK(client_hears_nothing(&client));
	net_stack_flush(wire.stack, wire.now_ms);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.seen.ack, client.seq);
	CHECK(client_hears_nothing(&client));
	CHECK_EQ(client.peer->received, 10000);
	wire_stop(&wire);
}

TEST(segments_out_of_order_and_overlapping)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	client_send_at(&client, client.seq + 100, SEEN_ACK, 100, 100);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.seen.ack, client.seq);
	CHECK_EQ(client.peer->received, 0);
	client_send_at(&client, client.seq + 101, SEEN_ACK | SEEN_FIN, 100, 100);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	client_send(&client, SEEN_ACK, 0, 150);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	client_send_at(&client, client.seq - 50, SEEN_ACK, 100, 100);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.peer->received, 200);
	client_send_at(&client, client.seq - 150, SEEN_ACK, 0, 150);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.seen.ack, client.seq + 50);
	CHECK(client.peer->received == 200 && !client.peer->is_wrong);
	CHECK(!client.peer->finished);
	wire_stop(&wire);
}

TEST(N23_urgent_bytes_are_bytes)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	client_send(&client, SEEN_ACK | SEEN_URG | SEEN_PSH, 0, 100);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK(client.peer->received == 100 && !client.peer->is_wrong);
	wire_stop(&wire);
}

TEST(N23_options_that_lie)
{
	static const uint8_t rows[][8] = {
		{ 5, 1, 0, 0 },	  /* SACK, shorter than itself */
		{ 5, 200, 1, 2 }, /* longer than the header */
		{ 1, 1, 1, 2 },	  /* a kind without a length */
		{ 3, 0, 0, 0 },	  /* no length at all */
	};
	static const uint8_t garbage[] = { 5, 10, 1, 2, 3, 4, 5, 6, 7, 8, 254, 6, 1,  1,
					   1, 1,  8, 8, 9, 9, 9, 9, 9, 9, 3,   3, 99, 0 };
	struct client client = { .port = 0 };
	struct sent sent = { .protocol = 6,
			     .to = "93.184.216.34",
			     .from_port = PORT,
			     .to_port = 80,
			     .flags = SEEN_SYN,
			     .options_len = 4 };

	wire_start(&wire);
	for (size_t i = 0; i < countof(rows); i++) {
		sent.options = rows[i];
		wire_send(&wire, &sent);
		CHECK_STR(wire.rule, "TCP: options");
		CHECK_EQ(wire.opened, 0);
	}
	sent.options = garbage;
	sent.options_len = sizeof(garbage);
	wire_send(&wire, &sent);
	CHECK_EQ(wire.opened, 1);
	CHECK(wire_take(&wire, &client.seen));
	wire_stop(&wire);
}

TEST(N23_malformed_headers)
{
	static uint8_t frame[NET_FRAME_MAX];
	struct sent sent = { .protocol = 6,
			     .to = "93.184.216.34",
			     .from_port = PORT,
			     .to_port = 80,
			     .flags = SEEN_SYN };
	size_t len;

	wire_start(&wire);
	len = wire_build(&sent, frame);
	frame[14 + 20 + 12] = 4 << 4;
	wire_seal(frame, len);
	wire_give(&wire, frame, len);
	CHECK_STR(wire.rule, "TCP: header length");
	frame[14 + 20 + 12] = 15 << 4;
	wire_seal(frame, len);
	wire_give(&wire, frame, len);
	CHECK_STR(wire.rule, "TCP: short");
	len = wire_build(&sent, frame);
	frame[14 + 20] ^= 1;
	wire_give(&wire, frame, len);
	CHECK_STR(wire.rule, "TCP: checksum");
	sent.to_port = 0;
	wire_give(&wire, frame, wire_build(&sent, frame));
	CHECK_STR(wire.rule, "TCP: port 0");
	CHECK_EQ(wire.opened, 0);
	wire_stop(&wire);
}

TEST(N23_a_flood_of_syns)
{
	struct client client = { .wire = &wire, .to = "93.184.216.34", .to_port = 80 };
	unsigned resets = 0;

	wire_start(&wire);
	for (unsigned i = 0; i < 100000; i++) {
		struct seen seen;

		client.port = (uint16_t)(1024 + i % 60000);
		client.to_port = (uint16_t)(80 + i / 60000);
		client.seq = i;
		client_send_syn(&client);
		while (wire_take(&wire, &seen))
			resets += (seen.flags & SEEN_RST) != 0;
	}
	CHECK_EQ(counters()->flows, NET_HALF_OPEN_MAX);
	CHECK_EQ(counters()->half_open, NET_HALF_OPEN_MAX);
	CHECK_EQ(wire.opened, NET_HALF_OPEN_MAX);
	CHECK_EQ(resets, 100000 - NET_HALF_OPEN_MAX);
	for (int second = 0; second < 100; second++) {
		struct seen seen;

		wire_pass(&wire, 1000);
		while (wire_take(&wire, &seen))
			;
	}
	CHECK_EQ(counters()->flows + counters()->half_open, 0);
	CHECK_EQ(wire.closed, NET_HALF_OPEN_MAX);
	wire_stop(&wire);
}

TEST(the_table_is_bounded)
{
	wire_start(&wire);
	for (unsigned i = 0; i < NET_FLOWS_MAX + 10; i++) {
		struct client client = { .to_port = (uint16_t)(1 + i / 50000) };

		if (client_open(&client, &wire, (uint16_t)(1024 + i % 50000)) !=
		    (i < NET_FLOWS_MAX))
			break;
	}
	CHECK_EQ(counters()->flows, NET_FLOWS_MAX);
	CHECK_EQ(counters()->flows_opened, NET_FLOWS_MAX);
	CHECK_STR(wire.rule, "TCP: too many connections");
	wire_stop(&wire);
	CHECK_EQ(wire.closed, NET_FLOWS_MAX);
}

TEST(N23_simultaneous_open)
{
	const struct endpoint from = wire_endpoint(LINK_GATEWAY4, 2000);
	const struct endpoint to = wire_endpoint(LINK_GUEST4, 8080);
	struct peer *peer = &wire.peers[9];
	struct client client = { .wire = &wire, .port = 8080, .to_port = 2000, .seq = 5 };
	struct net_flow *flow;
	struct seen seen;

	wire_start(&wire);
	CHECK_EQ(net_stack_connect(wire.stack, &from, &to, peer, NULL, wire.now_ms, &flow), 0);
	CHECK(wire_take(&wire, &seen));
	CHECK_EQ(seen.flags, SEEN_SYN);
	client_send_syn(&client);
	CHECK(peer->closed && peer->error == -ECONNREFUSED);
	CHECK(wire_take(&wire, &seen));
	CHECK_EQ(seen.flags, SEEN_RST | SEEN_ACK);
	CHECK_EQ(wire.opened, 0);
	wire_stop(&wire);
}

static void established(void *owner, struct net_flow *flow)
{
	struct peer *peer = net_flow_tag(flow);

	(void)owner;
	peer->established = true;
}

TEST(the_world_connects_to_the_guest)
{
	const struct endpoint from = wire_endpoint(LINK_GATEWAY6, 2000);
	const struct endpoint to = wire_endpoint(LINK_GUEST6, 8080);
	static const uint8_t options[] = { 2, 4, 5, 180, 3, 3, CLIENT_SCALE, 0 };
	struct client client = { .wire = &wire,
				 .peer = &wire.peers[0],
				 .v6 = true,
				 .port = 8080,
				 .to_port = 2000,
				 .seq = 5 };
	struct sent answer = { .v6 = true,
			       .protocol = 6,
			       .from_port = 8080,
			       .to_port = 2000,
			       .seq = 5,
			       .flags = SEEN_SYN | SEEN_ACK,
			       .window = 65535,
			       .options = options,
			       .options_len = sizeof(options) };

	wire_start(&wire);
	client.peer->takes = UINT64_MAX;
	CHECK_EQ(net_stack_connect(wire.stack, &from, &to, client.peer, established, wire.now_ms,
				   &client.peer->flow),
		 0);
	CHECK_EQ(net_stack_connect(wire.stack, &from, &to, NULL, NULL, 0, &client.peer->flow),
		 -EADDRINUSE);
	CHECK(wire_take(&wire, &client.seen));
	CHECK(client.seen.mss != 0 && client.seen.scale > 0);
	client.scale = client.seen.scale;
	client.ack = client.seen.seq + 1;
	client.window = CLIENT_WINDOW;
	answer.ack = client.ack + 1;
	wire_send(&wire, &answer); /* acknowledges what was not sent */
	CHECK(wire_take(&wire, &client.seen));
	CHECK(client.seen.flags == SEEN_RST && !client.peer->established);
	answer.ack = client.ack;
	wire_send(&wire, &answer);
	client.seq = 6;
	CHECK(client.peer->established);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	client_send(&client, SEEN_ACK, 0, 10);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.peer->received, 10);
	wire_more(&wire, client.peer, 3000, false);
	CHECK(client_expect(&client, SEEN_ACK, 1460));
	CHECK(client_expect(&client, SEEN_ACK, 1460));
	CHECK(client_expect(&client, SEEN_ACK, 80));
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK(close_from_guest(&client));
	CHECK_EQ(counters()->flows, 0);
	wire_stop(&wire);
}

TEST(the_guest_does_not_listen)
{
	const struct endpoint from = wire_endpoint(LINK_GATEWAY4, 2000);
	const struct endpoint to = wire_endpoint(LINK_GUEST4, 8080);
	const struct endpoint other = wire_endpoint("192.0.0.6", 8080);
	struct client client = { .wire = &wire, .port = 8080, .to_port = 2000 };
	struct peer *peer = &wire.peers[0];

	wire_start(&wire);
	CHECK_EQ(net_stack_connect(wire.stack, &other, &to, peer, NULL, 0, &peer->flow), -EINVAL);
	CHECK_EQ(net_stack_connect(wire.stack, &from, &other, peer, NULL, 0, &peer->flow), -EINVAL);
	CHECK_EQ(net_stack_connect(wire.stack, &from, &to, peer, NULL, wire.now_ms, &peer->flow),
		 0);
	CHECK(wire_take(&wire, &client.seen));
	client.ack = client.seen.seq + 1;
	client_send(&client, SEEN_RST | SEEN_ACK, 0, 0);
	CHECK(peer->closed && peer->error == -ECONNREFUSED);
	CHECK_EQ(net_stack_connect(wire.stack, &from, &to, peer, NULL, wire.now_ms, &peer->flow),
		 0);
	peer->closed = false;
	wire_pass(&wire, 100 * 1000);
	CHECK(peer->closed && peer->error == -ETIMEDOUT);
	wire_stop(&wire);
}

TEST_MAIN()
