/*
 * A scripted guest: packets go in by vsock_device_receive(), what comes out is
 * read from rooms; the host's side is one end of a socket pair.
 */
#include "vsock/device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/loop.h"
#include "tests/unit/test.h"
#include "vsock/backlog.h"
#include "vsock/packet.h"

enum {
	CID = 3,
	KNOCK_PORT = 1,
	GUEST_PORT = 77,
	ROOM_SIZE = 4096,
	GUEST_BUFFER = 65536,
	TAG = 5,
	WAIT_MS = 20000,
};

/* The guest and the host around one device. */
struct world {
	struct loop *loop;
	struct vsock_device *device;
	unsigned knocks, left, wanted;
	int last_tag, last_code;
	unsigned answers;
	uint8_t memory[VSOCK_ROOMS_MAX][ROOM_SIZE];
	uint32_t host_port; /* of the connection that was opened */
	int host;	    /* the host's end of it */
};

static void knocked(void *owner)
{
	struct world *world = owner;

	world->knocks++;
}

static void answered(void *owner, int fd, int code)
{
	struct world *world = owner;

	(void)fd;
	world->answers++;
	world->last_code = code;
}

static void left(void *owner, int tag)
{
	struct world *world = owner;

	world->left++;
	world->last_tag = tag;
}

static void wanted(void *owner)
{
	struct world *world = owner;

	world->wanted++;
}

static void world_finish(struct world *world)
{
	vsock_device_destroy(world->device);
	loop_destroy(world->loop);
	if (world->host >= 0)
		(void)close(world->host);
}

#define autoworld autocall(world_finish)

static int world_init(struct world *world, unsigned timeout_ms)
{
	*world = (struct world){ .host = -1, .last_code = -1, .last_tag = -1 };
	if (loop_create(&world->loop) < 0)
		return -1;
	return vsock_device_create(&(struct vsock_device_config){ .loop = world->loop,
								  .guest_cid = CID,
								  .knock_port = KNOCK_PORT,
								  .connect_timeout_ms = timeout_ms,
								  .owner = world,
								  .knocked = knocked,
								  .answered = answered,
								  .left = left,
								  .wanted = wanted },
				   &world->device);
}

/* A packet of the guest for the open connection. */
static struct vsock_packet packet_for(const struct world *world, enum vsock_op op)
{
	return (struct vsock_packet){ .src_cid = CID,
				      .dst_cid = VSOCK_HOST_CID,
				      .src_port = GUEST_PORT,
				      .dst_port = world->host_port,
				      .type = VSOCK_TYPE_STREAM,
				      .op = (uint16_t)op,
				      .buf_alloc = GUEST_BUFFER };
}

static void guest_says(struct world *world, struct vsock_packet packet, const void *payload,
		       size_t len)
{
	uint8_t header[VSOCK_HEADER_SIZE];
	struct iovec vec[2] = { { header, sizeof(header) }, { (void *)(uintptr_t)payload, len } };

	vsock_packet_encode(&packet, header);
	if (vsock_device_can_receive(world->device))
		vsock_device_receive(world->device, vec, len > 0 ? 2 : 1);
}

static void guest_sends(struct world *world, const void *payload, size_t len)
{
	struct vsock_packet packet = packet_for(world, VSOCK_OP_RW);

	packet.len = (uint32_t)len;
	guest_says(world, packet, payload, len);
}

/* Everything that waits for the guest, at most max rooms; the packets' headers in ret. */
static size_t guest_takes(struct world *world, struct vsock_packet *ret, size_t max)
{
	struct vsock_room rooms[VSOCK_ROOMS_MAX];
	size_t used;

	/* The payload in two parts, as a guest may offer it. */
	for (size_t i = 0; i < max; i++)
		rooms[i] = (struct vsock_room){ .vec = { { world->memory[i], 1000 },
							 { world->memory[i] + 1000,
							   ROOM_SIZE - 1000 } },
						.count = 2 };
	used = vsock_device_deliver(world->device, rooms, max);
	for (size_t i = 0; i < used; i++)
		vsock_packet_decode(world->memory[i], &ret[i]);
	return used;
}

/* The next single packet; op 0 when there is none. */
static struct vsock_packet guest_takes_one(struct world *world)
{
	struct vsock_packet packet = { .op = 0 };

	(void)guest_takes(world, &packet, 1);
	return packet;
}

/* Lets the loop deliver what sockets have to say. */
static void run_loop(struct world *world)
{
	(void)loop_step(world->loop, 0);
}

static bool open_connection(struct world *world)
{
	struct vsock_packet request;
	int pair[2];

	if (fd_socketpair(pair) < 0)
		return false;
	world->host = pair[0];
	if (vsock_device_connect(world->device, pair[1], GUEST_PORT, TAG) < 0)
		return false;
	request = guest_takes_one(world);
	world->host_port = request.src_port;
	guest_says(world, packet_for(world, VSOCK_OP_RESPONSE), NULL, 0);
	return request.op == VSOCK_OP_REQUEST && world->answers == 1 && world->last_code == 0;
}

/* Bytes the host can read now; 0 at the end, -1 when none wait. */
static ssize_t host_reads(struct world *world, void *to, size_t len)
{
	return recv(world->host, to, len, MSG_DONTWAIT);
}

TEST(a_connection_is_asked_for_and_opened)
{
	autoworld struct world world;
	struct vsock_packet request;
	int pair[2];

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK_EQ(fd_socketpair(pair), 0);
	world.host = pair[0];
	CHECK_EQ(vsock_device_connect(world.device, pair[1], GUEST_PORT, TAG), 0);
	CHECK(vsock_device_has_packets(world.device));
	request = guest_takes_one(&world);
	CHECK_EQ(request.op, VSOCK_OP_REQUEST);
	CHECK_EQ(request.src_cid, VSOCK_HOST_CID);
	CHECK_EQ(request.dst_cid, CID);
	CHECK_EQ(request.dst_port, GUEST_PORT);
	CHECK(request.src_port >= 1024);
	CHECK_EQ(request.buf_alloc, BACKLOG_SIZE);
	CHECK(!vsock_device_has_packets(world.device));
	world.host_port = request.src_port;
	guest_says(&world, packet_for(&world, VSOCK_OP_RESPONSE), NULL, 0);
	CHECK_EQ(world.answers, 1);
	CHECK_EQ(world.last_code, 0);
}

TEST(bytes_go_both_ways)
{
	autoworld struct world world;
	struct vsock_packet packet;
	char text[16] = "";

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	guest_sends(&world, "hello", 5);
	CHECK_EQ(host_reads(&world, text, sizeof(text)), 5);
	CHECK_STR(text, "hello");
	CHECK_EQ(send(world.host, "answer", 6, 0), 6);
	run_loop(&world);
	CHECK_EQ(world.wanted, 1);
	packet = guest_takes_one(&world);
	CHECK_EQ(packet.op, VSOCK_OP_RW);
	CHECK_EQ(packet.len, 6);
	CHECK_EQ(packet.fwd_cnt, 5);
	CHECK_EQ(memcmp(world.memory[0] + VSOCK_HEADER_SIZE, "answer", 6), 0);
}

TEST(one_read_fills_many_rooms)
{
	autoworld struct world world;
	struct vsock_packet packets[VSOCK_ROOMS_MAX];
	static uint8_t bytes[20000];
	size_t total = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	CHECK_EQ(send(world.host, bytes, sizeof(bytes), 0), sizeof(bytes));
	run_loop(&world);
	CHECK_EQ(guest_takes(&world, packets, VSOCK_ROOMS_MAX), 5);
	for (size_t i = 0; i < 5; i++) {
		CHECK_EQ(packets[i].op, VSOCK_OP_RW);
		CHECK(memcmp(world.memory[i] + VSOCK_HEADER_SIZE, bytes + total, packets[i].len) ==
		      0);
		total += packets[i].len;
	}
	CHECK_EQ(total, sizeof(bytes));
	CHECK(!vsock_device_has_packets(world.device));
}

TEST(refused_and_unanswered_are_told_apart)
{
	autoworld struct world world;
	struct vsock_packet packet;
	int pair[2];

	CHECK_EQ(world_init(&world, 1), 0);
	CHECK_EQ(fd_socketpair(pair), 0);
	CHECK_EQ(vsock_device_connect(world.device, pair[1], GUEST_PORT, TAG), 0);
	world.host_port = guest_takes_one(&world).src_port;
	guest_says(&world, packet_for(&world, VSOCK_OP_RST), NULL, 0);
	CHECK_EQ(world.last_code, ECONNREFUSED);
	CHECK_EQ(world.left, 1);
	(void)close(pair[0]);

	CHECK_EQ(fd_socketpair(pair), 0);
	world.host = pair[0];
	CHECK_EQ(vsock_device_connect(world.device, pair[1], GUEST_PORT, TAG), 0);
	(void)guest_takes_one(&world);
	for (uint64_t end = clock_now_ms() + WAIT_MS; world.answers < 2 && clock_now_ms() < end;)
		(void)loop_step(world.loop, 100);
	CHECK_EQ(world.last_code, ETIMEDOUT);
	packet = guest_takes_one(&world);
	CHECK_EQ(packet.op, VSOCK_OP_RST);
	CHECK_EQ(world.left, 2);
}

/* A host that gives up before the answer. */
TEST(an_asker_that_leaves_takes_its_request_back)
{
	autoworld struct world world;
	int pair[2];

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK_EQ(fd_socketpair(pair), 0);
	CHECK_EQ(vsock_device_connect(world.device, pair[1], GUEST_PORT, TAG), 0);
	(void)close(pair[0]);
	run_loop(&world);
	CHECK_EQ(world.left, 1);
	CHECK(!vsock_device_has_packets(world.device));
}

TEST(the_host_ends_one_direction)
{
	autoworld struct world world;
	struct vsock_packet packets[4];
	char text[16] = "";

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	CHECK_EQ(send(world.host, "last", 4, 0), 4);
	CHECK_EQ(shutdown(world.host, SHUT_WR), 0);
	run_loop(&world);
	CHECK_EQ(guest_takes(&world, packets, 4), 1);
	CHECK_EQ(packets[0].op, VSOCK_OP_RW);
	run_loop(&world);
	CHECK_EQ(guest_takes(&world, packets, 4), 0);
	CHECK_EQ(guest_takes(&world, packets, 4), 1);
	CHECK_EQ(packets[0].op, VSOCK_OP_SHUTDOWN);
	CHECK_EQ(packets[0].flags, VSOCK_SHUTDOWN_SEND);
	guest_sends(&world, "more", 4);
	CHECK_EQ(host_reads(&world, text, sizeof(text)), 4);
	guest_says(&world,
		   (struct vsock_packet){ .src_cid = CID,
					  .dst_cid = VSOCK_HOST_CID,
					  .src_port = GUEST_PORT,
					  .dst_port = world.host_port,
					  .type = VSOCK_TYPE_STREAM,
					  .op = VSOCK_OP_SHUTDOWN,
					  .flags = VSOCK_SHUTDOWN_BOTH },
		   NULL, 0);
	CHECK_EQ(guest_takes_one(&world).op, VSOCK_OP_RST);
	CHECK_EQ(host_reads(&world, text, sizeof(text)), 0);
	CHECK_EQ(world.left, 1);
	CHECK_EQ(world.last_tag, TAG);
}

TEST(the_guest_ends_one_direction)
{
	autoworld struct world world;
	struct vsock_packet end;
	char text[16] = "";

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	guest_sends(&world, "bye", 3);
	end = packet_for(&world, VSOCK_OP_SHUTDOWN);
	end.flags = VSOCK_SHUTDOWN_SEND;
	guest_says(&world, end, NULL, 0);
	CHECK_EQ(host_reads(&world, text, sizeof(text)), 3);
	CHECK_EQ(host_reads(&world, text, sizeof(text)), 0);
	CHECK_EQ(send(world.host, "still", 5, 0), 5);
	run_loop(&world);
	CHECK_EQ(guest_takes_one(&world).len, 5);
	CHECK_EQ(world.left, 0);
}

TEST(the_host_vanishes)
{
	autoworld struct world world;
	struct vsock_packet packets[4];

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	CHECK_EQ(send(world.host, "unread", 6, 0), 6);
	(void)close(take_fd(&world.host));
	run_loop(&world);
	CHECK_EQ(world.left, 1);
	CHECK_EQ(guest_takes(&world, packets, 4), 1);
	CHECK_EQ(packets[0].len, 6);
	run_loop(&world);
	(void)guest_takes(&world, packets, 4);
	CHECK_EQ(guest_takes(&world, packets, 4), 1);
	CHECK_EQ(packets[0].op, VSOCK_OP_SHUTDOWN);
	CHECK_EQ(packets[0].flags, VSOCK_SHUTDOWN_BOTH);
	/* What was on the way meanwhile goes nowhere, and hurts nobody. */
	guest_sends(&world, "late", 4);
	guest_says(&world, packet_for(&world, VSOCK_OP_RST), NULL, 0);
	CHECK_EQ(world.left, 1);
	guest_sends(&world, "later", 5);
	CHECK_EQ(guest_takes_one(&world).op, VSOCK_OP_RST);
}

TEST(a_slow_host_holds_the_guest_back)
{
	autoworld struct world world;
	static uint8_t bytes[32768];
	struct vsock_packet packets[4];
	size_t sent = 0, taken = 0;
	ssize_t n;

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	/* All of the credit, beyond what the socket holds. */
	while (sent + sizeof(bytes) <= BACKLOG_SIZE) {
		memset(bytes, (int)(sent / sizeof(bytes)), sizeof(bytes));
		guest_sends(&world, bytes, sizeof(bytes));
		sent += sizeof(bytes);
	}
	CHECK_EQ(world.left, 0);
	for (uint64_t end = clock_now_ms() + WAIT_MS; taken < sent && clock_now_ms() < end;) {
		n = host_reads(&world, bytes, sizeof(bytes));
		for (ssize_t i = 0; i < n; i++)
			CHECK_EQ(bytes[i], (taken + (size_t)i) / sizeof(bytes));
		taken += n > 0 ? (size_t)n : 0;
		run_loop(&world);
	}
	CHECK_EQ(taken, sent);
	CHECK_EQ(guest_takes(&world, packets, 4), 1);
	CHECK_EQ(packets[0].op, VSOCK_OP_CREDIT_UPDATE);
	CHECK_EQ(packets[0].fwd_cnt, sent);
}

TEST(sending_beyond_the_credit_resets)
{
	autoworld struct world world;
	static uint8_t bytes[65536];
	unsigned packets = 0;

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	/* More than backlog and socket hold, and nobody reads. */
	for (; packets < 64 && world.left == 0; packets++) {
		guest_sends(&world, bytes, sizeof(bytes));
		if (guest_takes_one(&world).op == VSOCK_OP_RST)
			break;
	}
	CHECK(packets < 64);
	CHECK(packets * sizeof(bytes) >= BACKLOG_SIZE);
}

TEST(the_guests_credit_is_kept)
{
	autoworld struct world world;
	static uint8_t bytes[GUEST_BUFFER + 1000];
	struct vsock_packet packets[VSOCK_ROOMS_MAX], update;
	size_t got = 0, asked = 0;

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	CHECK_EQ(send(world.host, bytes, sizeof(bytes), 0), sizeof(bytes));
	run_loop(&world);
	for (size_t n = 1; n > 0 || vsock_device_has_packets(world.device);) {
		n = guest_takes(&world, packets, VSOCK_ROOMS_MAX);
		for (size_t i = 0; i < n; i++) {
			got += packets[i].op == VSOCK_OP_RW ? packets[i].len : 0;
			asked += packets[i].op == VSOCK_OP_CREDIT_REQUEST;
		}
	}
	CHECK_EQ(got, GUEST_BUFFER);
	CHECK_EQ(asked, 1);
	/* Lies about bytes that were never sent count for nothing. */
	update = packet_for(&world, VSOCK_OP_CREDIT_UPDATE);
	update.fwd_cnt = GUEST_BUFFER + 1;
	guest_says(&world, update, NULL, 0);
	CHECK(!vsock_device_has_packets(world.device));
	/* A buffer that shrinks below what is on the way gives none either. */
	update.fwd_cnt = 100;
	update.buf_alloc = 10;
	guest_says(&world, update, NULL, 0);
	CHECK(!vsock_device_has_packets(world.device));
	update.fwd_cnt = GUEST_BUFFER;
	update.buf_alloc = GUEST_BUFFER;
	guest_says(&world, update, NULL, 0);
	CHECK_EQ(guest_takes_one(&world).len, 1000);
}

TEST(a_knock_is_heard_and_every_other_request_refused)
{
	autoworld struct world world;
	struct vsock_packet request, reply;

	CHECK_EQ(world_init(&world, 0), 0);
	request = packet_for(&world, VSOCK_OP_REQUEST);
	request.dst_port = KNOCK_PORT;
	guest_says(&world, request, NULL, 0);
	CHECK_EQ(world.knocks, 1);
	reply = guest_takes_one(&world);
	CHECK_EQ(reply.op, VSOCK_OP_RST);
	CHECK_EQ(reply.src_port, KNOCK_PORT);
	CHECK_EQ(reply.dst_port, GUEST_PORT);
	request.dst_port = 22;
	guest_says(&world, request, NULL, 0);
	CHECK_EQ(guest_takes_one(&world).op, VSOCK_OP_RST);
	request.dst_port = KNOCK_PORT;
	request.dst_cid = 9;
	guest_says(&world, request, NULL, 0);
	CHECK_EQ(guest_takes_one(&world).src_cid, 9);
	CHECK_EQ(world.knocks, 1);
}

TEST(another_guests_address_is_not_answered)
{
	autoworld struct world world;
	struct vsock_packet packet;

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	packet = packet_for(&world, VSOCK_OP_RST);
	packet.src_cid = CID + 1;
	guest_says(&world, packet, NULL, 0);
	packet.op = VSOCK_OP_REQUEST;
	packet.dst_port = KNOCK_PORT;
	guest_says(&world, packet, NULL, 0);
	CHECK_EQ(world.left, 0);
	CHECK_EQ(world.knocks, 0);
	CHECK(!vsock_device_has_packets(world.device));
}

TEST(nonsense_costs_its_connection)
{
	const struct {
		enum vsock_op op;
		uint32_t len;
		uint16_t type;
	} cases[] = {
		{ VSOCK_OP_REQUEST, 0, VSOCK_TYPE_STREAM },
		{ VSOCK_OP_RESPONSE, 0, VSOCK_TYPE_STREAM },
		{ (enum vsock_op)0, 0, VSOCK_TYPE_STREAM },
		{ (enum vsock_op)99, 0, VSOCK_TYPE_STREAM },
		{ VSOCK_OP_RW, 0, 2 },
		{ VSOCK_OP_RW, 1, VSOCK_TYPE_STREAM }, /* no byte follows */
		{ VSOCK_OP_RW, UINT32_MAX, VSOCK_TYPE_STREAM },
		{ VSOCK_OP_CREDIT_UPDATE, 1, VSOCK_TYPE_STREAM },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		autoworld struct world world;
		struct vsock_packet packet;

		CHECK_EQ(world_init(&world, 0), 0);
		CHECK(open_connection(&world));
		packet = packet_for(&world, cases[i].op);
		packet.len = cases[i].len;
		packet.type = cases[i].type;
		guest_says(&world, packet, NULL, 0);
		CHECK_EQ(guest_takes_one(&world).op, VSOCK_OP_RST);
		CHECK_EQ(world.left, 1);
	}
}

TEST(bytes_after_the_guests_end_reset)
{
	autoworld struct world world;
	struct vsock_packet end;

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	end = packet_for(&world, VSOCK_OP_SHUTDOWN);
	end.flags = VSOCK_SHUTDOWN_SEND;
	guest_says(&world, end, NULL, 0);
	guest_sends(&world, "x", 1);
	CHECK_EQ(guest_takes_one(&world).op, VSOCK_OP_RST);
	CHECK_EQ(world.left, 1);
}

/* Replies are bounded: the guest has to take some before it may say more. */
TEST(a_storm_of_requests_is_held_back)
{
	autoworld struct world world;
	struct vsock_packet packets[VSOCK_ROOMS_MAX], request;
	unsigned heard = 0, replies = 0;

	CHECK_EQ(world_init(&world, 0), 0);
	request = packet_for(&world, VSOCK_OP_REQUEST);
	for (uint32_t i = 0; i < 100000; i++) {
		request.src_port = i;
		request.dst_port = 2 + i;
		if (!vsock_device_can_receive(world.device))
			break;
		guest_says(&world, request, NULL, 0);
		heard++;
	}
	CHECK(heard < 1000);
	for (size_t n = 1; n > 0; replies += (unsigned)n)
		n = guest_takes(&world, packets, VSOCK_ROOMS_MAX);
	CHECK_EQ(replies, heard);
	CHECK(vsock_device_can_receive(world.device));
	/* RST is never answered: two ends would go on for ever. */
	request.op = VSOCK_OP_RST;
	guest_says(&world, request, NULL, 0);
	CHECK(!vsock_device_has_packets(world.device));
}

static void close_all(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		(void)close(fds[i]);
}

TEST(a_hundred_thousand_connections_leave_nothing_behind)
{
	autoworld struct world world;
	unsigned opened = 0;

	CHECK_EQ(world_init(&world, 0), 0);
	for (; opened < 100000; opened++) {
		uint32_t before = world.host_port;

		world.answers = 0;
		CHECK(open_connection(&world));
		CHECK(world.host_port != before);
		guest_says(&world, packet_for(&world, VSOCK_OP_RST), NULL, 0);
		(void)close(take_fd(&world.host));
	}
	CHECK_EQ(world.left, opened);
}

TEST(connections_are_bounded)
{
	autoworld struct world world;
	static int hosts[VSOCK_CONNECTIONS_MAX];
	unsigned count = 0;
	int pair[2], r = 0;

	CHECK_EQ(world_init(&world, 0), 0);
	while (count < VSOCK_CONNECTIONS_MAX && fd_socketpair(pair) == 0) {
		r = vsock_device_connect(world.device, pair[1], GUEST_PORT, TAG);
		hosts[count++] = pair[0];
		if (r < 0)
			break;
	}
	if (count < VSOCK_CONNECTIONS_MAX) {
		close_all(hosts, count);
		SKIP("too few descriptors allowed");
	}
	CHECK_EQ(r, 0);
	CHECK_EQ(fd_socketpair(pair), 0);
	CHECK_EQ(vsock_device_connect(world.device, pair[1], GUEST_PORT, TAG), -ENOSPC);
	close_all(pair, 2);
	vsock_device_destroy(world.device);
	world.device = NULL;
	CHECK_EQ(world.left, VSOCK_CONNECTIONS_MAX);
	close_all(hosts, count);
}

TEST(a_new_driver_finds_nothing_of_the_old)
{
	autoworld struct world world;
	char byte;

	CHECK_EQ(world_init(&world, 0), 0);
	CHECK(open_connection(&world));
	vsock_device_reset(world.device);
	CHECK_EQ(world.left, 1);
	CHECK_EQ(host_reads(&world, &byte, 1), 0);
	guest_sends(&world, "old", 3);
	CHECK_EQ(guest_takes_one(&world).op, VSOCK_OP_RST);
}

TEST(a_packet_without_a_whole_header_is_nothing)
{
	autoworld struct world world;
	uint8_t header[VSOCK_HEADER_SIZE] = { 0 };
	const struct iovec vec = { header, sizeof(header) - 1 };

	CHECK_EQ(world_init(&world, 0), 0);
	vsock_device_receive(world.device, &vec, 1);
	CHECK(!vsock_device_has_packets(world.device));
}

TEST_MAIN()
