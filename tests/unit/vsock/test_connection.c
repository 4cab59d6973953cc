/* The arithmetic of credit, modulo 2^32, and the backlog's ring. */
#include "vsock/connection.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/iov.h"
#include "tests/unit/test.h"

TEST(credit_wraps)
{
	struct connection connection = { .sent = 100,
					 .peer_forwarded = UINT32_MAX - 99,
					 .peer_buffer = 1000 };
	struct vsock_packet packet = { .buf_alloc = 1000, .fwd_cnt = 50 };

	CHECK_EQ(connection_credit(&connection), 800);
	connection_note_credit(&connection, &packet);
	CHECK_EQ(connection_credit(&connection), 950);
	/* Behind: an older packet. Ahead: a lie. */
	packet.fwd_cnt = UINT32_MAX;
	connection_note_credit(&connection, &packet);
	CHECK_EQ(connection_credit(&connection), 950);
	packet.fwd_cnt = 101;
	connection_note_credit(&connection, &packet);
	CHECK_EQ(connection_credit(&connection), 950);
	packet.buf_alloc = 49;
	connection_note_credit(&connection, &packet);
	CHECK_EQ(connection_credit(&connection), 0);
}

TEST(received_counts_wrap)
{
	int pair[2];
	struct connection connection = { .received = UINT32_MAX - 1,
					 .forwarded = UINT32_MAX - 1,
					 .acknowledged = UINT32_MAX - 1 };
	const struct iovec vec = { (void *)(uintptr_t) "abcd", 4 };
	struct iov iov = iov_make(&vec, 1);
	char text[8] = "";

	CHECK_EQ(fd_socketpair(pair), 0);
	connection.fd = pair[0];
	CHECK_EQ(connection_take(&connection, &iov, 4), 0);
	CHECK_EQ(connection.forwarded, 2);
	CHECK_EQ(connection.received, 2);
	CHECK(!connection_is_update_due(&connection));
	CHECK_EQ(recv(pair[1], text, sizeof(text), MSG_DONTWAIT), 4);
	CHECK_STR(text, "abcd");
	(void)close(pair[1]);
	iov = iov_make(&vec, 1);
	CHECK_EQ(connection_take(&connection, &iov, 4), -EPIPE);
	(void)close(pair[0]);
}

TEST(the_backlog_is_a_ring)
{
	static uint8_t block[BACKLOG_SIZE];
	struct backlog backlog = { .data = NULL };
	struct iovec vec = { block, sizeof(block) }, pieces[2];
	struct iov iov = iov_make(&vec, 1);

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i % 251);
	CHECK_EQ(backlog_pieces(&backlog, pieces), 0);
	CHECK_EQ(backlog_put(&backlog, &iov, BACKLOG_SIZE - 10), 0);
	backlog_drop(&backlog, BACKLOG_SIZE - 20);
	iov = iov_make(&vec, 1);
	CHECK_EQ(backlog_put(&backlog, &iov, 100), 0);
	CHECK_EQ(backlog_pieces(&backlog, pieces), 2);
	CHECK_EQ(pieces[0].iov_len, 20);
	CHECK_EQ(pieces[1].iov_len, 90);
	CHECK_EQ(memcmp((uint8_t *)pieces[0].iov_base + 10, block, 10), 0);
	CHECK_EQ(memcmp(pieces[1].iov_base, block + 10, 90), 0);
	iov = iov_make(&vec, 1);
	CHECK_EQ(backlog_put(&backlog, &iov, BACKLOG_SIZE - 109), -ENOBUFS);
	CHECK_EQ(backlog_put(&backlog, &iov, BACKLOG_SIZE - 110), 0);
	backlog_drop(&backlog, BACKLOG_SIZE);
	CHECK(backlog.data == NULL);
}

TEST(headers_come_back)
{
	const struct vsock_packet packet = { .src_cid = 0x123456789,
					     .dst_cid = 2,
					     .src_port = 3,
					     .dst_port = 4,
					     .len = 5,
					     .type = 1,
					     .op = 6,
					     .flags = 7,
					     .buf_alloc = 8,
					     .fwd_cnt = 0xfffffff9 };
	uint8_t bytes[VSOCK_HEADER_SIZE];
	uint8_t again[VSOCK_HEADER_SIZE];
	struct vsock_packet back;

	vsock_packet_encode(&packet, bytes);
	vsock_packet_decode(bytes, &back);
	CHECK(back.src_port == packet.src_port && back.fwd_cnt == packet.fwd_cnt);
	vsock_packet_encode(&back, again);
	CHECK_MEM(again, bytes, sizeof(bytes));
}

TEST_MAIN()
