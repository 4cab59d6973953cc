/* sbx-vsock as it ships, in its jail, between a scripted guest and its Unix socket. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "jail/inspect.h"
#include "tests/unit/sbx-vsock/guest.h"
#include "tests/unit/test.h"
#include "wire/vsock.h"

enum { PORT = 9, TEXT_MAX = 64, QUEUE_RX = 0, QUEUE_TX = 1 };

static int ask(const struct guest *guest, enum vsock_ask what, uint16_t flags)
{
	const struct vsock_ask_message message = { .ask = what,
						   .flags = flags,
						   .port = what == VSOCK_CONNECT ? PORT : 0 };
	uint8_t bytes[VSOCK_ASK_SIZE];

	vsock_ask_encode(&message, bytes);
	return guest_ask(guest, bytes, sizeof(bytes));
}

/* The next len bytes; false: they did not come in time. */
static bool read_all(int fd, void *to, size_t len)
{
	uint8_t *at = to;

	while (len > 0) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&poll_fd, 1, GUEST_WAIT_MS) != 1)
			return false;
		n = read(fd, at, len);
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* Closed; a word that it never read makes that a reset. */
static bool ends(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char byte;
	ssize_t n;

	if (poll(&poll_fd, 1, GUEST_WAIT_MS) != 1)
		return false;
	n = read(fd, &byte, 1);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* The next event as event * 1000 + value; -1: none, or nonsense. */
static int next_event(int fd)
{
	uint8_t bytes[VSOCK_EVENT_SIZE];
	enum vsock_event event;
	uint32_t value;

	if (!read_all(fd, bytes, sizeof(bytes)) || vsock_event_decode(bytes, &event, &value) < 0)
		return -1;
	return (int)event * 1000 + (int)value;
}

static bool next_is(struct guest *guest, enum vsock_op op)
{
	if (guest_next(guest) && guest->packet.op == op)
		return true;
	printf("# packet of op %u, not %d\n", guest->packet.op, op);
	return false;
}

/* Connects to the guest, which accepts; -1 when any of it fails. */
static int connect_host(struct guest *guest, uint16_t flags)
{
	int fd = ask(guest, VSOCK_CONNECT, flags);
	uint8_t code = 255;

	if (fd < 0 || !next_is(guest, VSOCK_OP_REQUEST) || guest->packet.dst_port != PORT)
		return -1;
	guest_answer(guest, VSOCK_OP_RESPONSE, 0, NULL, 0);
	return read_all(fd, &code, 1) && code == 0 ? fd : -1;
}

TEST(the_knock_is_told_to_listeners)
{
	struct guest guest;
	autoclose int early = -1, late = -1;
	struct vsock_packet knock = { .src_cid = GUEST_CID,
				      .dst_cid = VSOCK_HOST_CID,
				      .src_port = 5000,
				      .dst_port = 1,
				      .type = VSOCK_TYPE_STREAM,
				      .op = VSOCK_OP_REQUEST };

	CHECK_EQ(guest_start(&guest), 0);
	early = ask(&guest, VSOCK_EVENTS, 0);
	CHECK_EQ(next_event(early), 2000);
	guest_send(&guest, &knock, NULL, 0);
	CHECK_EQ(next_event(early), 1000);
	CHECK(next_is(&guest, VSOCK_OP_RST));
	CHECK_EQ(guest.packet.src_port, 1);
	CHECK_EQ(guest.packet.dst_port, 5000);
	late = ask(&guest, VSOCK_EVENTS, 0);
	CHECK_EQ(next_event(late), 1000);
	CHECK_EQ(next_event(late), 2000);
	CHECK(guest_stop(&guest));
	CHECK(ends(late));
}

TEST(a_session_from_start_to_end)
{
	struct guest guest;
	autoclose int host = -1, events = -1;
	char text[TEXT_MAX] = "";

	CHECK_EQ(guest_start(&guest), 0);
	events = ask(&guest, VSOCK_EVENTS, 0);
	CHECK_EQ(next_event(events), 2000);
	host = connect_host(&guest, VSOCK_FLAG_SESSION);
	CHECK(host >= 0);
	CHECK_EQ(next_event(events), 2001);
	CHECK_EQ(fd_write_full(host, "ping", 4), 0);
	CHECK(next_is(&guest, VSOCK_OP_RW));
	CHECK_EQ(guest.packet.len, 4);
	CHECK_EQ(memcmp(guest.payload, "ping", 4), 0);
	CHECK_EQ(shutdown(host, SHUT_WR), 0);
	CHECK(next_is(&guest, VSOCK_OP_SHUTDOWN));
	CHECK_EQ(guest.packet.flags, VSOCK_SHUTDOWN_SEND);
	guest_answer(&guest, VSOCK_OP_RW, 0, "pong", 4);
	CHECK(read_all(host, text, 4));
	CHECK_STR(text, "pong");
	guest_answer(&guest, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_BOTH, NULL, 0);
	CHECK(next_is(&guest, VSOCK_OP_RST));
	CHECK(ends(host));
	CHECK_EQ(next_event(events), 2000);
	CHECK(guest_stop(&guest));
}

/* Its socket holds some hundred events; of the rest it gets the outcome. */
TEST(a_listener_that_did_not_read_gets_the_state)
{
	struct guest guest;
	autoclose int events = -1, host = -1;
	int event = 0, count = 0;

	CHECK_EQ(guest_start(&guest), 0);
	events = ask(&guest, VSOCK_EVENTS, 0);
	for (int i = 0; i < 1000; i++) {
		host = ask(&guest, VSOCK_CONNECT, VSOCK_FLAG_SESSION);
		CHECK(next_is(&guest, VSOCK_OP_REQUEST));
		guest_answer(&guest, VSOCK_OP_RST, 0, NULL, 0);
		CHECK(read_all(host, &(uint8_t){ 0 }, 1));
		(void)close(take_fd(&host));
	}
	host = connect_host(&guest, VSOCK_FLAG_SESSION);
	CHECK(host >= 0);
	/* Many changes were left out, the last one was not. */
	for (; count < 2000; count++) {
		struct pollfd more = { .fd = events, .events = POLLIN };

		event = next_event(events);
		if (event == 2001 && poll(&more, 1, 200) == 0)
			break;
	}
	CHECK_EQ(event, 2001);
	CHECK(count < 1500);
	CHECK(guest_stop(&guest));
}

TEST(a_refusal_is_an_errno)
{
	struct guest guest;
	autoclose int host = -1;
	uint8_t code = 0;

	CHECK_EQ(guest_start(&guest), 0);
	host = ask(&guest, VSOCK_CONNECT, 0);
	CHECK(next_is(&guest, VSOCK_OP_REQUEST));
	guest_answer(&guest, VSOCK_OP_RST, 0, NULL, 0);
	CHECK(read_all(host, &code, 1));
	CHECK_EQ(code, ECONNREFUSED);
	CHECK(ends(host));
	CHECK(guest_stop(&guest));
}

TEST(nonsense_at_the_door_is_turned_away)
{
	struct guest guest;
	autoclose int host = -1, events = -1;

	CHECK_EQ(guest_start(&guest), 0);
	host = guest_ask(&guest, "GET / HTTP/1.1\r\n", 16);
	CHECK(ends(host));
	events = ask(&guest, VSOCK_EVENTS, 0);
	CHECK_EQ(next_event(events), 2000);
	CHECK_EQ(fd_write_full(events, "x", 1), 0);
	CHECK(ends(events));
	CHECK(guest_stop(&guest));
}

/* Much more than queues, sockets and credit hold, checked byte by byte. */
TEST(a_megabyte_goes_to_the_guest)
{
	static uint8_t block[65536];
	const size_t total = 1 << 20;
	struct guest guest;
	autoclose int host = -1;
	size_t sent = 0, got = 0;

	CHECK_EQ(guest_start(&guest), 0);
	host = connect_host(&guest, 0);
	CHECK(host >= 0);
	CHECK_EQ(fd_set_nonblock(host, true), 0);
	while (got < total) {
		size_t want = total - sent < sizeof(block) ? total - sent : sizeof(block);

		for (size_t i = 0; i < want; i++)
			block[i] = (uint8_t)((sent + i) * 31 >> 3);
		ssize_t n = want > 0 ? write(host, block, want) : 0;
		if (n > 0)
			sent += (size_t)n;
		CHECK(next_is(&guest, VSOCK_OP_RW));
		for (uint32_t i = 0; i < guest.packet.len; i++)
			CHECK_EQ(guest.payload[i], (uint8_t)((got + i) * 31 >> 3));
		got += guest.packet.len;
	}
	CHECK(guest_stop(&guest));
}

TEST(a_megabyte_comes_from_the_guest)
{
	static uint8_t block[65536], back[65536];
	const size_t total = 1 << 20;
	struct guest guest;
	autoclose int host = -1;
	size_t told = 0;

	CHECK_EQ(guest_start(&guest), 0);
	host = connect_host(&guest, 0);
	CHECK(host >= 0);
	for (size_t sent = 0; sent < total; sent += sizeof(block)) {
		memset(block, (int)(sent >> 16), sizeof(block));
		guest_answer(&guest, VSOCK_OP_RW, 0, block, sizeof(block));
		CHECK(read_all(host, back, sizeof(back)));
		CHECK_EQ(memcmp(block, back, sizeof(block)), 0);
	}
	/* Its credit came back on the way. */
	for (; told < total / 2; told = guest.packet.fwd_cnt)
		CHECK(next_is(&guest, VSOCK_OP_CREDIT_UPDATE));
	CHECK(guest_stop(&guest));
}

/* A second CPU of the guest, which fills a queue as fast as it is emptied. */
struct flood {
	struct driver_ring *ring;
	int kick;
	atomic_bool ended;
	pthread_t thread;
};

static void *pour(void *argument)
{
	struct flood *flood = argument;
	struct driver_ring *ring = flood->ring;
	uint16_t used;

	for (unsigned turn = 0; !flood->ended; turn++) {
		(void)guestmem_read(ring->mem, ring->used + 2, &used, sizeof(used));
		driver_ring_set_index(ring, (uint16_t)(used + ring->size));
		/* Seldom: a kick takes longer than the device to empty the queue. */
		if (turn % 4096 == 0 && driver_ring_needs_kick(ring))
			(void)eventfd_write(flood->kick, 1);
	}
	return NULL;
}

/* With the chain of one buffer, in all places of the queue. */
static int flood_start(struct flood *flood, const struct guest *guest, unsigned queue,
		       struct driver_buffer buffer)
{
	struct driver_ring *ring = flood->ring;

	flood->kick = guest->kick[queue];
	driver_ring_chain(ring, ring->desc, 0, &buffer, queue == QUEUE_TX, 1);
	for (uint16_t i = 0; i < ring->size; i++)
		(void)guestmem_write(&guest->mem, ring->avail + 4 + 2 * (uint64_t)i,
				     &(uint16_t){ 0 }, 2);
	return pthread_create(&flood->thread, NULL, pour, flood);
}

/* Waits until the device has taken from it more than the queue holds, many times over. */
static bool flood_is_under_way(const struct flood *flood)
{
	uint64_t deadline = clock_now_ms() + GUEST_WAIT_MS;
	uint16_t used = 0;

	while (used < 4096 && clock_left_ms(deadline) > 0)
		(void)guestmem_read(flood->ring->mem, flood->ring->used + 2, &used, sizeof(used));
	return used >= 4096;
}

static void flood_end(struct flood *flood)
{
	flood->ended = true;
	(void)pthread_join(flood->thread, NULL);
}

TEST(v07_a_guest_that_never_stops_sending_keeps_nobody_out)
{
	enum { AT = 3 << 20 };
	const struct vsock_packet nothing = { .src_cid = GUEST_CID, .op = VSOCK_OP_RST };
	uint8_t header[VSOCK_HEADER_SIZE];
	struct guest guest;
	struct flood flood = { .ring = &guest.ring[QUEUE_TX] };
	autoclose int events = -1;

	CHECK_EQ(guest_start(&guest), 0);
	vsock_packet_encode(&nothing, header);
	CHECK_EQ(guestmem_write(&guest.mem, AT, header, sizeof(header)), 0);
	CHECK_EQ(
		flood_start(&flood, &guest, QUEUE_TX, (struct driver_buffer){ AT, sizeof(header) }),
		0);
	CHECK(flood_is_under_way(&flood));
	events = ask(&guest, VSOCK_EVENTS, 0);
	CHECK_EQ(next_event(events), 2000);
	flood_end(&flood);
	CHECK(guest_stop(&guest));
}

TEST(v07_a_guest_that_offers_nothing_but_useless_buffers_keeps_nobody_out)
{
	struct guest guest;
	struct flood flood = { .ring = &guest.ring[QUEUE_RX] };
	autoclose int host = -1, events = -1;

	CHECK_EQ(guest_start(&guest), 0);
	CHECK_EQ(flood_start(&flood, &guest, QUEUE_RX, (struct driver_buffer){ 3 << 20, 1 }), 0);
	host = ask(&guest, VSOCK_CONNECT, VSOCK_FLAG_SESSION);
	CHECK(flood_is_under_way(&flood));
	events = ask(&guest, VSOCK_EVENTS, 0);
	CHECK_EQ(next_event(events), 2001);
	flood_end(&flood);
	CHECK(guest_stop(&guest));
}

TEST(the_jail_is_shut)
{
	struct guest guest;
	struct jail_report report = { 0 };

	CHECK_EQ(guest_start(&guest), 0);
	CHECK_EQ(jail_inspect(guest.child.id.pid, &report), 0);
	CHECK_EQ(report.capabilities, 0);
	CHECK_EQ(report.seccomp_mode, 2);
	CHECK(report.no_new_privs);
	CHECK(report.root_is_empty);
	CHECK(guest_stop(&guest));
}

TEST_MAIN()
