/*
 * TCP's flow control and timers, scripted, by a clock of its own: windows,
 * offloads, losses, probes.
 */
#include <errno.h>

#include "base/check.h"
#include "net/stack.h"
#include "tests/unit/net/client.h"
#include "tests/unit/net/wire.h"
#include "tests/unit/test.h"

enum { PORT = 40000 };

static struct wire wire;

static const struct net_counters *counters(void)
{
	return net_stack_counters(wire.stack);
}

TEST(a_world_that_takes_no_more_closes_the_window)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	wire.peer_takes = 1500;
	CHECK(client_open(&client, &wire, PORT));
	client_send_at(&client, client.seq, SEEN_ACK, 0, 5000);
	client.seq += 1500;
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK_EQ(client.seen.ack, client.seq);
	CHECK_EQ(client.told, 0);
	/* A probe is answered, and write() left alone. */
	client_send_at(&client, client.seq, SEEN_ACK, 1500, 1);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK(client.told == 0 && client.seen.ack == client.seq);
	CHECK_EQ(client.peer->writes, 1);
	/* The update, and duplicates that ask for the rest at once. */
	client.peer->takes = UINT64_MAX;
	net_flow_writable(client.peer->flow, wire.now_ms);
	for (int i = 0; i < 4; i++) {
		CHECK(client_expect(&client, SEEN_ACK, 0));
		CHECK(client.told > 5000 && client.seen.ack == client.seq);
	}
	CHECK(client_hears_nothing(&client));
	client_send(&client, SEEN_ACK, 1500, 3500);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK(client.peer->received == 5000 && !client.peer->is_wrong);
	net_flow_writable(client.peer->flow, wire.now_ms);
	CHECK(client_hears_nothing(&client));
	wire_stop(&wire);
}

TEST(segments_of_one_burst_are_written_at_once)
{
	struct client client = { .port = 0 }, other = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	CHECK(client_open(&other, &wire, PORT + 1));
	for (uint64_t at = 0; at < 5000; at += 1000)
		client_give(&client, SEEN_ACK, at, 1000);
	wire_flush(&wire);
	CHECK_EQ(client.peer->writes, 1);
	CHECK(client.peer->received == 5000 && !client.peer->is_wrong);
	CHECK(client_expect(&client, SEEN_ACK, 0) && client.seen.ack == client.seq);
	/* Another flow's are written apart; the end comes behind what was before it. */
	client_give(&client, SEEN_ACK, 5000, 10);
	client_give(&other, SEEN_ACK, 0, 10);
	client_give(&client, SEEN_ACK, 5010, 10);
	client_give(&client, SEEN_ACK | SEEN_FIN, 5020, 10);
	wire_flush(&wire);
	CHECK(client.peer->received == 5030 && client.peer->finished && !client.peer->is_wrong);
	CHECK_EQ(other.peer->received, 10);
	wire_stop(&wire);
}

TEST(a_burst_that_is_taken_in_part_comes_again)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	wire.peer_takes = 1500;
	CHECK(client_open(&client, &wire, PORT));
	for (uint64_t at = 0; at < 3000; at += 1000)
		client_give(&client, at == 2000 ? SEEN_ACK | SEEN_FIN : SEEN_ACK, at, 1000);
	wire_flush(&wire);
	client.seq -= 1501;
	CHECK(client_expect(&client, SEEN_ACK, 0) && client.seen.ack == client.seq);
	CHECK(client.told == 0 && !client.peer->finished);
	client.peer->takes = UINT64_MAX;
	net_flow_writable(client.peer->flow, wire.now_ms);
	client_give(&client, SEEN_ACK | SEEN_FIN, 1500, 1500);
	wire_flush(&wire);
	CHECK(client.peer->received == 3000 && client.peer->finished && !client.peer->is_wrong);
	wire_stop(&wire);
}

TEST(a_reset_right_behind_bytes_takes_nothing_back)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	client_give(&client, SEEN_ACK, 0, 100);
	client_give(&client, SEEN_RST, 100, 0);
	wire_flush(&wire);
	CHECK(client.peer->received == 100 && client.peer->closed);
	wire_stop(&wire);
}

static size_t room_left;

static size_t room(void *world, struct net_flow *flow)
{
	(void)world;
	(void)flow;
	return room_left;
}

TEST(the_window_is_the_worlds_room)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	wire.world.room = room;
	room_left = 200000;
	CHECK(client_open(&client, &wire, PORT));
	client_send(&client, SEEN_ACK, 0, 60000);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK(client.told > 199000 && client.told <= 200000);
	/* It goes down as bytes come, and never below what was promised. */
	room_left = 0;
	client_send(&client, SEEN_ACK, 60000, 60000);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK(client.told > 139000 && client.told <= 140000);
	/* Crumbs are not told, RFC 9293 §3.8.6.2.2. */
	room_left = 142000;
	net_flow_writable(client.peer->flow, wire.now_ms);
	CHECK(client_hears_nothing(&client));
	room_left = 300000;
	net_flow_writable(client.peer->flow, wire.now_ms);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK(client.told > 299000);
	wire_stop(&wire);
}

TEST(a_guest_without_window_scale)
{
	struct client client = {
		.wire = &wire, .to = "93.184.216.34", .port = PORT, .to_port = 80, .window = 4000
	};
	struct sent syn = { .protocol = 6,
			    .to = "93.184.216.34",
			    .from_port = PORT,
			    .to_port = 80,
			    .flags = SEEN_SYN,
			    .seq = CLIENT_FIRST,
			    .window = 4000 };

	wire_start(&wire);
	wire_send(&wire, &syn);
	CHECK(wire_take(&wire, &client.seen));
	CHECK_EQ(client.seen.scale, -1);
	client.peer = &wire.peers[0];
	client.seq = CLIENT_FIRST + 1;
	client.ack = client.seen.seq + 1;
	client.scale = 0;
	client_send(&client, SEEN_ACK, 0, 100);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	CHECK(client.told > 50000 && client.told <= 65535);
	/* 536 bytes a segment (RFC 9293 §3.7.1), 4000 in all; no crumb follows. */
	wire_more(&wire, client.peer, 10000, false);
	for (int i = 0; i < 7; i++)
		CHECK(client_expect(&client, SEEN_ACK, 536));
	CHECK(client_hears_nothing(&client));
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK(client_expect(&client, SEEN_ACK, 536));
	wire_stop(&wire);
}

TEST(large_frames_for_those_who_take_them)
{
	struct client client = { .v6 = true };

	wire_start(&wire);
	net_stack_guest_takes(wire.stack, true, false, true);
	wire.piece = 1500;
	CHECK(client_open(&client, &wire, PORT));
	wire_more(&wire, client.peer, 200000, false);
	for (int i = 0; i < 3; i++) {
		CHECK(client_expect(&client, SEEN_ACK, 65460));
		CHECK(client.seen.offload.checksum && client.seen.offload.is_v6);
		CHECK_EQ(client.seen.offload.segment, 0); /* its MSS is as large */
	}
	CHECK(client_expect(&client, SEEN_ACK, 200000 - 3 * 65460));
	for (size_t i = 0; i < client.seen.len; i++)
		CHECK_EQ(client.seen.payload[i], wire_byte(3 * 65460 + i));
	wire_stop(&wire);
}

TEST(segmentation_is_left_to_the_guest)
{
	static const uint8_t options[] = { 2, 4, 5, 180, 3, 3, CLIENT_SCALE, 0 };
	struct client client = {
		.wire = &wire, .to = "93.184.216.34", .port = PORT, .to_port = 80
	};
	struct sent syn = { .protocol = 6,
			    .to = "93.184.216.34",
			    .from_port = PORT,
			    .to_port = 80,
			    .flags = SEEN_SYN,
			    .seq = CLIENT_FIRST,
			    .window = 65535,
			    .options = options,
			    .options_len = sizeof(options) };

	wire_start(&wire);
	net_stack_guest_takes(wire.stack, true, true, false);
	wire_send(&wire, &syn);
	CHECK(wire_take(&wire, &client.seen));
	client.peer = &wire.peers[0];
	client.seq = CLIENT_FIRST + 1;
	client.ack = client.seen.seq + 1;
	client.window = CLIENT_WINDOW;
	client_send(&client, SEEN_ACK, 0, 0);
	wire_more(&wire, client.peer, 65000, false);
	CHECK(client_expect(&client, SEEN_ACK, 44 * 1460));
	CHECK_EQ(client.seen.offload.segment, 1460);
	CHECK_EQ(client.seen.offload.header_len, 54);
	CHECK(client_expect(&client, SEEN_ACK, 65000 - 44 * 1460));
	CHECK_EQ(client.seen.offload.segment, 0);
	wire_stop(&wire);
}

TEST(large_frames_from_the_guest)
{
	static uint8_t frame[NET_FRAME_MAX];
	const struct net_offload offload = { .checksum = true, .segment = 1460, .header_len = 54 };
	struct client client = { .port = 0 };
	struct sent sent = { .protocol = 6,
			     .to = "93.184.216.34",
			     .from_port = PORT,
			     .to_port = 80,
			     .flags = SEEN_ACK,
			     .len = 65000 };
	struct iovec part = { frame, 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	sent.seq = client.seq;
	sent.ack = client.ack;
	part.iov_len = wire_build(&sent, frame);
	frame[14 + 20 + 16] ^= 0x55; /* whatever stands in a partial checksum */
	net_stack_input(wire.stack, &offload, &part, 1, wire.now_ms);
	net_stack_flush(wire.stack, wire.now_ms);
	CHECK_EQ(client.peer->received, 65000);
	CHECK_EQ(client.peer->writes, 1);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	wire_stop(&wire);
}

TEST(a_frame_in_crumbs)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	wire.piece = 50;
	client_send_at(&client, client.seq, SEEN_ACK, 0, 4000);
	wire.piece = NET_FRAME_MAX;
	CHECK(client.peer->received > 3000 && client.peer->received < 4000);
	client.seq += (uint32_t)client.peer->received;
	for (int i = 0; i < 4; i++) {
		CHECK(client_expect(&client, SEEN_ACK, 0));
		CHECK_EQ(client.seen.ack, client.seq);
	}
	client_send(&client, SEEN_ACK, client.peer->received, 1000);
	CHECK(!client.peer->is_wrong);
	wire_stop(&wire);
}

TEST(room_in_the_guest_is_waited_for)
{
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	wire.room = 1;
	wire_more(&wire, client.peer, 150000, true);
	CHECK(client_expect(&client, SEEN_ACK, 65480));
	CHECK(client_hears_nothing(&client));
	wire.room = 8;
	net_stack_link_ready(wire.stack, wire.now_ms);
	CHECK(client_expect(&client, SEEN_ACK, 65480));
	CHECK(client_expect(&client, SEEN_ACK, 150000 - 2 * 65480));
	CHECK(client_expect(&client, SEEN_ACK | SEEN_FIN, 0));
	wire_stop(&wire);
}

TEST(turns_are_taken)
{
	struct client one = { .port = 0 }, two = { .port = 0 };
	struct seen seen;
	unsigned of_one = 0;

	wire_start(&wire);
	CHECK(client_open(&one, &wire, PORT));
	CHECK(client_open(&two, &wire, PORT + 1));
	wire.room = 0;
	wire_more(&wire, one.peer, 2000000, false);
	wire_more(&wire, two.peer, 2000000, false);
	wire.room = 16;
	net_stack_link_ready(wire.stack, wire.now_ms);
	while (wire_take(&wire, &seen))
		of_one += seen.to.port == PORT;
	CHECK(of_one >= 7 && of_one <= 9);
	wire_stop(&wire);
}

TEST(a_full_source_fills_many_frames_at_once)
{
	enum { FRAME = 65480, FRAMES = 1 + 2 + 4 + 8 + 16 };
	struct client client = { .port = 0 };

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	wire.room = 2 * WIRE_FRAMES;
	wire_more(&wire, client.peer, FRAMES * FRAME, false);
	for (int i = 0; i < FRAMES; i++)
		CHECK(client_expect(&client, SEEN_ACK, FRAME));
	CHECK_EQ(client.peer->peeks, 5 + 1); /* and one that finds nothing */
	client_send(&client, SEEN_ACK, 0, 0);
	/* What is less than the frames that are ready leaves the others out. */
	wire_more(&wire, client.peer, FRAME + 1000, false);
	CHECK(client_expect(&client, SEEN_ACK, FRAME));
	CHECK(client_expect(&client, SEEN_ACK, 1000) && (client.seen.flags & SEEN_PSH) != 0);
	wire_more(&wire, client.peer, 10, true);
	CHECK(client_expect(&client, SEEN_ACK, 10));
	CHECK(client_expect(&client, SEEN_ACK | SEEN_FIN, 0));
	CHECK(client_hears_nothing(&client));
	wire_stop(&wire);
}

TEST(what_is_lost_is_sent_again)
{
	struct client client = { .port = 0 };
	uint32_t first;

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	first = client.ack;
	wire_more(&wire, client.peer, 100000, true);
	CHECK(client_expect(&client, SEEN_ACK, 65480));
	CHECK(client_expect(&client, SEEN_ACK, 100000 - 65480));
	CHECK(client_expect(&client, SEEN_ACK | SEEN_FIN, 0));
	wire_pass(&wire, 999);
	CHECK(client_hears_nothing(&client));
	wire_pass(&wire, 1);
	client.ack = first;
	CHECK(client_expect(&client, SEEN_ACK, 65480));
	CHECK(client_expect(&client, SEEN_ACK, 100000 - 65480));
	CHECK(client_expect(&client, SEEN_ACK | SEEN_FIN, 0));
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK_EQ(client.peer->acked, 100000);
	wire_pass(&wire, 60000);
	CHECK(client_hears_nothing(&client));
	wire_stop(&wire);
}

TEST(three_duplicates_bring_the_missing_segment)
{
	struct client client = { .port = 0 };
	uint32_t first, last;

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	first = client.ack;
	wire_more(&wire, client.peer, 5 * 65480, false);
	for (int i = 0; i < 5; i++)
		CHECK(client_expect(&client, SEEN_ACK, 65480));
	last = client.ack;
	client.ack = first;
	for (int i = 0; i < 4; i++)
		client_send(&client, SEEN_ACK, 0, 0);
	CHECK(client_expect(&client, SEEN_ACK, 65480));
	CHECK(client_hears_nothing(&client));
	/* A partial answer shows the next hole, RFC 6582. */
	client.ack = first + 2 * 65480;
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK(client_expect(&client, SEEN_ACK, 65480));
	client.ack = last;
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK_EQ(client.peer->acked, 5 * 65480);
	CHECK(client_hears_nothing(&client));
	wire_stop(&wire);
}

TEST(a_silent_guest_is_given_up)
{
	struct client client = { .port = 0 };
	struct seen seen;
	unsigned tries = 0;

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	wire_more(&wire, client.peer, 1, false);
	for (int minute = 0; minute < 30 && !client.peer->closed; minute++) {
		wire_pass(&wire, 60 * 1000);
		while (wire_take(&wire, &seen))
			tries += seen.len > 0;
	}
	CHECK(client.peer->closed && client.peer->error == -ETIMEDOUT);
	CHECK_EQ(tries, 13);
	CHECK_EQ(seen.flags, SEEN_RST | SEEN_ACK);
	wire_stop(&wire);
}

TEST(N23_a_window_that_stays_closed)
{
	struct client client = { .port = 0 };
	unsigned probes = 0;

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	client.window = 0;
	client_send(&client, SEEN_ACK, 0, 0);
	wire_more(&wire, client.peer, 10, false);
	CHECK(client_hears_nothing(&client));
	for (int minute = 0; minute < 60; minute++) {
		struct seen seen;

		wire_pass(&wire, 60 * 1000);
		while (wire_take(&wire, &seen)) {
			CHECK(seen.len == 0 && seen.seq == client.ack - 1);
			probes++;
			client_send(&client, SEEN_ACK, 0, 0);
		}
	}
	CHECK(probes >= 50 && probes < 80);
	CHECK(!client.peer->closed);
	client.window = 100;
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK(client_expect(&client, SEEN_ACK, 10));
	/* Closed and silent is another matter. */
	client.window = 0;
	client_send(&client, SEEN_ACK, 0, 0);
	wire_more(&wire, client.peer, 10, false);
	wire_pass(&wire, 3600 * 1000);
	CHECK(client.peer->closed && client.peer->error == -ETIMEDOUT);
	wire_stop(&wire);
}

TEST(a_window_that_shrinks_over_what_is_under_way)
{
	struct client client = { .port = 0 };
	uint32_t first;

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	first = client.ack;
	wire_more(&wire, client.peer, 1000, false);
	CHECK(client_expect(&client, SEEN_ACK, 1000));
	client.ack = first;
	client.window = 0;
	client_send(&client, SEEN_ACK, 0, 0);
	for (int minute = 0; minute < 30; minute++) {
		struct seen seen;

		wire_pass(&wire, 60 * 1000);
		while (wire_take(&wire, &seen)) {
			CHECK_EQ(seen.len, 0);
			client_send(&client, SEEN_ACK, 0, 0);
		}
	}
	CHECK(!client.peer->closed);
	client.window = CLIENT_WINDOW;
	client_send(&client, SEEN_ACK, 0, 0);
	CHECK(client_expect(&client, SEEN_ACK, 1000));
	wire_stop(&wire);
}

TEST(idle_flows_are_probed)
{
	struct client client = { .port = 0 };
	struct seen seen;
	unsigned probes = 0;

	wire_start(&wire);
	CHECK(client_open(&client, &wire, PORT));
	wire_pass(&wire, 14 * 60 * 1000);
	CHECK(client_hears_nothing(&client));
	wire_pass(&wire, 60 * 1000);
	CHECK(wire_take(&wire, &seen));
	CHECK(seen.flags == SEEN_ACK && seen.seq == client.ack - 1 && seen.ack == client.seq);
	client_send(&client, SEEN_ACK, 0, 0);
	wire_pass(&wire, 14 * 60 * 1000);
	CHECK(client_hears_nothing(&client));
	wire_pass(&wire, 60 * 60 * 1000);
	while (wire_take(&wire, &seen))
		probes += (seen.flags & SEEN_RST) == 0;
	CHECK_EQ(probes, 8);
	CHECK(client.peer->closed && client.peer->error == -ETIMEDOUT);
	CHECK_EQ(counters()->flows, 0);
	/* The guest's own probes are answered. */
	CHECK(client_open(&client, &wire, PORT + 1));
	client_send_at(&client, client.seq - 1, SEEN_ACK, 0, 0);
	CHECK(client_expect(&client, SEEN_ACK, 0));
	wire_stop(&wire);
}

TEST_MAIN()
