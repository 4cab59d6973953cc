/*
 * Whole streams in both directions at once between a guest with a TCP of its
 * own and the world, over a link that loses, delays and reorders, with windows
 * that close and receive buffers that run out. Whatever happens, every byte
 * arrives, once and in order. The seed of a round is printed when it fails.
 */
#include "base/check.h"
#include "net/stack.h"
#include "tests/unit/net/client.h"
#include "tests/unit/net/wire.h"
#include "tests/unit/test.h"

enum {
	STREAM_MAX = 400000,
	ROUNDS = 200,
	STEPS_MAX = 60000,
	HELD_MAX = 8,
	RTO_MS = 300,
};

/* What a round is like. */
struct weather {
	unsigned lost_percent, held_percent;
	size_t piece, segment_max;
	bool has_checksum, has_tso, has_scale, has_room;
	uint16_t mss;
	uint8_t scale; /* of its windows */
};

/* The guest: goes back to what was not acknowledged, keeps nothing out of order. */
struct guest {
	struct client client;
	struct weather weather;
	uint64_t una, nxt, end; /* positions in its stream; the FIN is at end */
	uint64_t received;
	uint64_t retry_ms;
	uint32_t iss, irs;
	uint32_t peer_window;
	bool is_open, fin_heard, is_wrong, is_reset, is_over;
	unsigned duplicates;
};

static struct wire wire;
static struct guest guest;
static uint8_t held[HELD_MAX][NET_FRAME_MAX];
static size_t held_len[HELD_MAX];

static bool chance(unsigned percent)
{
	return (unsigned)random() % 100 < percent;
}

static void give(const uint8_t *frame, size_t len)
{
	unsigned slot = (unsigned)random() % HELD_MAX;

	if (chance(guest.weather.lost_percent))
		return;
	if (chance(guest.weather.held_percent) && held_len[slot] == 0) {
		memcpy(held[slot], frame, len);
		held_len[slot] = len;
		return;
	}
	wire_give(&wire, frame, len);
}

static void release_held(void)
{
	unsigned slot = (unsigned)random() % HELD_MAX;
	size_t len = held_len[slot];

	held_len[slot] = 0;
	if (len > 0)
		wire_give(&wire, held[slot], len);
}

static void send_segment(uint64_t at, size_t len, uint8_t flags)
{
	static uint8_t frame[NET_FRAME_MAX];
	uint8_t options[] = { 2, 4, 0, 0, 1, 3, 3, guest.weather.scale };
	struct sent sent = { .v6 = guest.client.v6,
			     .protocol = 6,
			     .to = guest.client.to,
			     .from_port = guest.client.port,
			     .to_port = 80,
			     .seq = guest.iss + 1 + (uint32_t)at,
			     .ack = guest.irs + 1 + (uint32_t)guest.received + guest.fin_heard,
			     .flags = flags,
			     .window = guest.client.window,
			     .at = at,
			     .len = len };

	if ((flags & SEEN_SYN) != 0) {
		options[2] = (uint8_t)(guest.weather.mss >> 8);
		options[3] = (uint8_t)guest.weather.mss;
		sent.seq = guest.iss;
		sent.options = options;
		sent.options_len = guest.weather.has_scale ? 8 : 4;
	}
	give(frame, wire_build(&sent, frame));
}

static void send_ack(void)
{
	send_segment(min_of(guest.nxt, guest.end + 1), 0, SEEN_ACK);
}

/* New data as far as the window goes, its end as a FIN of its own or with the last bytes. */
static void send_more(void)
{
	while (guest.is_open && guest.nxt < guest.end &&
	       guest.nxt - guest.una < guest.peer_window && chance(90)) {
		size_t most = min_of(guest.weather.segment_max,
				     guest.peer_window - (guest.nxt - guest.una));
		size_t len = 1 + (size_t)random() % most;
		bool last;

		len = min_of(len, guest.end - guest.nxt);
		last = guest.nxt + len == guest.end && chance(50);
		send_segment(guest.nxt, len, SEEN_ACK | (last ? SEEN_FIN : 0));
		guest.nxt += len + last;
	}
	if (guest.is_open && guest.nxt == guest.end) {
		send_segment(guest.nxt, 0, SEEN_ACK | SEEN_FIN);
		guest.nxt++;
	}
}

static void retry(void)
{
	if (wire.now_ms < guest.retry_ms)
		return;
	guest.retry_ms = wire.now_ms + RTO_MS;
	if (!guest.is_open) {
		send_segment(0, 0, SEEN_SYN);
		return;
	}
	guest.nxt = guest.una;
	if (guest.una < guest.end && guest.peer_window == 0)
		send_segment(guest.una, 1, SEEN_ACK); /* a probe */
}

static void hear_ack(const struct seen *seen)
{
	uint64_t acked = (uint32_t)(seen->ack - guest.iss - 1);

	guest.peer_window = seen->window << (guest.weather.has_scale ? guest.client.scale : 0);
	if (acked > guest.end + 1 || acked < guest.una) {
		guest.is_wrong |= acked > guest.end + 1;
		return;
	}
	if (acked == guest.una && seen->len == 0 && ++guest.duplicates == 3)
		guest.nxt = guest.una;
	if (acked > guest.una) {
		guest.duplicates = 0;
		guest.una = acked;
		guest.nxt = max_of(guest.nxt, acked);
		guest.retry_ms = wire.now_ms + RTO_MS;
	}
}

static void hear_data(const struct seen *seen)
{
	int32_t known = (int32_t)(guest.irs + 1 + (uint32_t)guest.received - seen->seq);
	size_t end = seen->len + ((seen->flags & SEEN_FIN) != 0);

	if (end == 0 && known == 0)
		return;
	if (known >= 0 && (size_t)known < end && !guest.fin_heard) {
		for (size_t i = (size_t)known; i < seen->len; i++)
			guest.is_wrong |= seen->payload[i] != wire_byte(guest.received++);
		guest.fin_heard = (seen->flags & SEEN_FIN) != 0;
	}
	send_ack();
}

static void hear(const struct seen *seen)
{
	if ((seen->flags & SEEN_RST) != 0) {
		guest.is_reset |= !wire.peers[0].closed;
		guest.is_over |= wire.peers[0].closed; /* a late segment, of what is done with */
		return;
	}
	if ((seen->flags & SEEN_SYN) != 0) {
		guest.irs = seen->seq;
		guest.client.scale = seen->scale;
		guest.is_wrong |= (seen->scale >= 0) != guest.weather.has_scale;
		if (!guest.is_open)
			guest.peer_window = seen->window;
		guest.is_open = true;
		send_ack();
		return;
	}
	if (!guest.is_open)
		return;
	hear_ack(seen);
	hear_data(seen);
}

static void start_round(unsigned seed)
{
	static const uint16_t sizes[] = { 536, 1460, 9000, 65460 };
	bool fair = seed % 4 == 0;

	srandom(seed);
	memset(&guest, 0, sizeof(guest));
	memset(held_len, 0, sizeof(held_len));
	wire_start(&wire);
	wire.now_ms += (uint64_t)random() << 16; /* of which the numbers of the stack depend */
	guest.weather = (struct weather){
		.lost_percent = fair ? 0 : (unsigned)random() % 12,
		.held_percent = fair ? 0 : (unsigned)random() % 12,
		.piece = chance(50) ? NET_FRAME_MAX : 700 + (size_t)random() % 5000,
		.segment_max = chance(50) ? 60000 : 1 + (size_t)random() % 3000,
		.has_checksum = chance(50),
		.has_tso = chance(50),
		.has_scale = chance(70),
		.has_room = chance(70),
		.mss = sizes[random() % 4],
		.scale = (uint8_t)(random() % 10),
	};
	net_stack_guest_takes(wire.stack, guest.weather.has_checksum, guest.weather.has_tso,
			      guest.weather.has_tso);
	wire.piece = guest.weather.piece;
	wire.peer_takes = 0;
	guest.client = (struct client){ .wire = &wire,
					.v6 = chance(50),
					.port = (uint16_t)(1024 + seed),
					.window = (uint16_t)(2000 + random() % 60000) };
	guest.client.to = guest.client.v6 ? "2001:db8::1" : "93.184.216.34";
	guest.iss = chance(50) ? (uint32_t)random() : UINT32_MAX - (uint32_t)random() % STREAM_MAX;
	guest.end = (uint64_t)random() % min_of(STREAM_MAX, 1000 * guest.weather.segment_max);
}

/* The world takes and offers some more, now and then. */
static void move_world(struct peer *peer, uint64_t total)
{
	if (peer->flow == NULL)
		return;
	if (chance(40)) {
		peer->takes += (uint64_t)random() % 50000;
		net_flow_writable(peer->flow, wire.now_ms);
	}
	if (peer->flow != NULL && !peer->ends && chance(40)) {
		uint64_t more = (uint64_t)random() % 50000;

		more = min_of(more, total - peer->sends);
		wire_more(&wire, peer, more, peer->sends + more == total);
	}
}

static bool is_done(const struct peer *peer, uint64_t total)
{
	return peer->closed && guest.fin_heard && guest.received == total &&
	       (guest.una == guest.end + 1 || guest.is_over);
}

static void step(struct peer *peer, uint64_t total)
{
	struct seen seen;

	if (guest.weather.has_room)
		wire.room = UINT32_MAX;
	else if (chance(50))
		wire.room = (unsigned)random() % 4;
	move_world(peer, total);
	retry();
	send_more();
	release_held();
	wire_flush(&wire);
	if (chance(50)) /* a window that moves, and is not shut for ever */
		guest.client.window = (uint16_t)(chance(10) ? 0 : 2000 + random() % 60000);
	while (wire_take(&wire, &seen)) {
		if (!chance(guest.weather.lost_percent))
			hear(&seen);
	}
	wire_flush(&wire);
	wire_pass(&wire, chance(5) ? (uint64_t)random() % 300 : (uint64_t)random() % 3);
}

static bool play(unsigned seed)
{
	struct peer *peer = &wire.peers[0];
	uint64_t total;
	bool good;
	int steps = 0;

	start_round(seed);
	total = (uint64_t)random() % STREAM_MAX;
	*peer = (struct peer){ .sends = 0 };
	while (steps++ < STEPS_MAX && !is_done(peer, total) && !guest.is_reset)
		step(peer, total);
	wire_pass(&wire, 2000);
	good = is_done(peer, total) && !guest.is_reset && !guest.is_wrong && !wire_is_wrong() &&
	       peer->received == guest.end && !peer->is_wrong && peer->finished &&
	       peer->error == 0 && peer->acked == total && wire.opened == 1 &&
	       net_stack_counters(wire.stack)->flows == 0;
	if (!good)
		printf("# seed %u: guest sent %" PRIu64 " of %" PRIu64 ", heard %" PRIu64
		       " of %" PRIu64 ", %d steps, reset %d, closed %d (%d), wrong %d %d\n",
		       seed, guest.una, guest.end, guest.received, total, steps, guest.is_reset,
		       peer->closed, peer->error, guest.is_wrong, peer->is_wrong);
	wire_stop(&wire);
	return good;
}

TEST(every_byte_arrives_in_any_weather)
{
	for (unsigned seed = 0; seed < ROUNDS; seed++)
		CHECK(play(seed));
}

TEST_MAIN()
