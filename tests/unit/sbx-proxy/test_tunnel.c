/* Two channels between which a tunnel lies; the far ends are the test's. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"
#include "sbx-proxy/channel.h"
#include "sbx-proxy/tunnel.h"
#include "tests/unit/test.h"

enum { SCRATCH = 65536 };

struct fixture {
	struct loop *loop;
	struct channel guest, origin;
	struct tunnel tunnel;
	int client, server; /* the far ends */
	uint8_t scratch[SCRATCH];
	int state;
};

static struct fixture *current;

static void ready(struct channel *channel)
{
	(void)channel;
	current->state = tunnel_move(&current->tunnel);
}

static int open_channel(struct fixture *f, struct channel *channel)
{
	int fds[2];

	if (fd_socketpair(fds) < 0 || fd_set_nonblock(fds[0], true) < 0 ||
	    fd_set_nonblock(fds[1], true) < 0)
		return -1;
	channel_init(channel, f->loop, ready);
	channel_open(channel, fds[0]);
	return fds[1];
}

static void begin(struct fixture *f)
{
	*f = (struct fixture){ .state = 1 };
	current = f;
	(void)loop_create(&f->loop);
	f->client = open_channel(f, &f->guest);
	f->server = open_channel(f, &f->origin);
	tunnel_init(&f->tunnel, &f->guest, &f->origin, f->scratch, SCRATCH);
	f->state = tunnel_move(&f->tunnel);
}

static void finish(struct fixture *f)
{
	tunnel_finish(&f->tunnel);
	channel_finish(&f->guest);
	channel_finish(&f->origin);
	(void)close(f->client);
	(void)close(f->server);
	loop_destroy(f->loop);
}

TEST(a_slow_reader_stops_the_writer_and_loses_nothing)
{
	static struct fixture f;
	static uint8_t bytes[SCRATCH];
	size_t sent = 0, got = 0;
	bool was_full = false;

	begin(&f);
	for (int i = 0; i < 10000 && got < 8 << 20; i++) {
		ssize_t n = sent < 8 << 20 ? send(f.client, bytes, sizeof(bytes), MSG_DONTWAIT) : 0;

		was_full |= n < 0;
		sent += n > 0 ? (size_t)n : 0;
		(void)loop_step(f.loop, 0);
		CHECK_EQ(f.state, 1);
		CHECK(f.tunnel.up.held.len <= SCRATCH);
		if (i % 4 == 0 && (n = recv(f.server, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
			got += (size_t)n;
	}
	CHECK(was_full);
	CHECK_EQ(got >= 8 << 20, 1);
	finish(&f);
}

TEST(each_direction_ends_by_itself_and_rest_holds_nothing)
{
	static struct fixture f;
	char got[16];

	begin(&f);
	CHECK_EQ(send(f.client, "ask", 3, 0), 3);
	CHECK_EQ(shutdown(f.client, SHUT_WR), 0);
	(void)loop_step(f.loop, 0);
	CHECK_EQ(recv(f.server, got, sizeof(got), 0), 3);
	CHECK_EQ(recv(f.server, got, sizeof(got), 0), 0);
	CHECK_EQ(f.state, 1);
	CHECK_EQ(send(f.server, "answer", 6, 0), 6);
	(void)loop_step(f.loop, 0);
	CHECK_EQ(recv(f.client, got, sizeof(got), 0), 6);
	CHECK(f.tunnel.up.held.data == NULL && f.tunnel.down.held.data == NULL);
	CHECK_EQ(shutdown(f.server, SHUT_WR), 0);
	(void)loop_step(f.loop, 0);
	CHECK_EQ(f.state, 0);
	finish(&f);
}

TEST(bytes_put_back_come_first)
{
	static struct fixture f;
	char got[16];

	begin(&f);
	CHECK_EQ(channel_put_back(&f.guest, (const uint8_t *)"first", 5), 0);
	CHECK_EQ(send(f.client, "then", 4, 0), 4);
	(void)loop_step(f.loop, 0);
	CHECK_EQ(recv(f.server, got, 9, MSG_WAITALL), 9);
	CHECK_MEM(got, "firstthen", 9);
	CHECK(f.guest.before.data == NULL);
	finish(&f);
}

TEST_MAIN()
