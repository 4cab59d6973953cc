/* Listening for sandboxes, with a sandbox that cannot start. */
#include "sbxd/ports.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "sbxd/network.h"
#include "tests/unit/sbxd/fixture.h"
#include "tests/unit/test.h"
#include "wire/net.h"

static struct fixture fixture;

/* In the table, with a reference for the caller. */
static struct sandbox *make_sandbox(const char *name)
{
	struct sandbox *sandbox;
	struct record record;
	struct err err = ERR_INIT;

	fixture_record(&record, name);
	record.status = SANDBOX_STOPPED;
	if (sandbox_create(&fixture.supervisor, &record, &sandbox) < 0 ||
	    supervisor_add(&fixture.supervisor, sandbox, &err) < 0)
		return NULL;
	return supervisor_get(sandbox);
}

static struct published any_port(enum published_protocol protocol)
{
	struct published published = { .protocol = protocol, .guest_port = 80, .is_any = true };

	(void)address_parse("127.0.0.1", &published.host.address);
	return published;
}

static int dial(const struct published *published, int type)
{
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(&published->host, &address);
	int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&address, len) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static bool is_closed_by_peer(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&poll_fd, 1, 20000) == 1 && read(fd, &byte, 1) <= 0;
}

/* Nothing can start here, so who was held is let go. */
TEST(a_connection_is_held_until_the_start_fails)
{
	struct published published = any_port(PUBLISHED_TCP4);
	struct ports *ports;
	struct err err = ERR_INIT;
	struct sandbox *sandbox;
	int fd;

	CHECK_EQ(fixture_make(&fixture), 0);
	ports = fixture.supervisor.ports;
	sandbox = make_sandbox("demo");
	CHECK_EQ(ports_open(ports, sandbox, &published, &published, &err), 0);
	CHECK(published.host.port != 0);
	CHECK(ports_is_open(ports, sandbox, &published));
	fd = dial(&published, SOCK_STREAM);
	CHECK(fd >= 0);
	CHECK(is_closed_by_peer(fd));
	(void)close(fd);
	ports_close(ports, sandbox, &published);
	CHECK(!ports_is_open(ports, sandbox, &published));
	CHECK_EQ(dial(&published, SOCK_STREAM), -1);
	CHECK_EQ(fixture_do(sandbox, SANDBOX_REMOVE, &err), 0);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(a_taken_port_is_told)
{
	struct published published = any_port(PUBLISHED_TCP4), again, elsewhere;
	struct ports *ports;
	struct err err = ERR_INIT;
	struct sandbox *sandbox;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);

	CHECK_EQ(fixture_make(&fixture), 0);
	ports = fixture.supervisor.ports;
	sandbox = make_sandbox("demo");
	CHECK_EQ(ports_open(ports, sandbox, &published, &published, &err), 0);
	again = published;
	CHECK_EQ(ports_open(ports, sandbox, &again, &again, &err), -EEXIST);
	CHECK(strstr(err.text, "/tcp is already published") != NULL);
	/* somebody else's */
	CHECK_EQ(bind(fd, (const struct sockaddr *)&address, len), 0);
	CHECK_EQ(listen(fd, 1), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	elsewhere = published;
	elsewhere.host.port = ntohs(address.sin_port);
	CHECK_EQ(ports_open(ports, sandbox, &elsewhere, &elsewhere, &err), -EBUSY);
	CHECK(strstr(err.text, "in use") != NULL);
	(void)close(fd);
	ports_close_all(ports, sandbox);
	CHECK_EQ(fixture_do(sandbox, SANDBOX_REMOVE, &err), 0);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

/* The next frame of what the keeper sent to sbx-net, and the descriptor with it. */
static int take(int socket, struct net_message *ret, int *ret_fd)
{
	uint8_t bytes[FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX];
	struct frame frame;
	size_t count = 1;
	ssize_t n = fd_recv(socket, bytes, FRAME_HEADER_SIZE, ret_fd, &count);

	if (count == 0)
		*ret_fd = -1;
	if (n != FRAME_HEADER_SIZE)
		return -EIO;
	n += fd_read_full(socket, bytes + n, (size_t)bytes[0] | (size_t)bytes[1] << 8);
	return frame_parse(bytes, (size_t)n, &frame) > 0 ? net_message_decode(&frame, ret) : -EIO;
}

TEST(connections_and_sockets_are_handed_over)
{
	struct published udp = any_port(PUBLISHED_UDP4);
	struct network network;
	struct net_message message;
	struct ports *ports;
	struct err err = ERR_INIT;
	struct sandbox *sandbox;
	int pair[2], fd = -1;

	CHECK_EQ(fixture_make(&fixture), 0);
	ports = fixture.supervisor.ports;
	sandbox = make_sandbox("demo");
	CHECK_EQ(fd_socketpair(pair), 0);
	network_init(&network);
	network.net.fd = pair[0];
	stream_init(&network.net.stream, pair[0]);
	CHECK_EQ(ports_open(ports, sandbox, &udp, &udp, &err), 0);
	ports_hand_over_sockets(ports, sandbox, &network);
	CHECK_EQ(take(pair[1], &message, &fd), 0);
	CHECK_EQ(message.type, NET_UNLISTEN_UDP);
	CHECK_EQ(fd, -1);
	CHECK_EQ(take(pair[1], &message, &fd), 0);
	CHECK_EQ(message.type, NET_LISTEN_UDP);
	CHECK_EQ(message.port, 80);
	CHECK_EQ(message.id, ports_id(&udp));
	CHECK(fd >= 0);
	(void)close(fd);
	/* unpublished: taken back */
	ports_close(ports, sandbox, &udp);
	ports_hand_over_sockets(ports, sandbox, &network);
	CHECK_EQ(take(pair[1], &message, &fd), 0);
	CHECK_EQ(message.type, NET_UNLISTEN_UDP);
	sandbox->arrivals[0] = (struct sandbox_arrival){ .fd = dup(pair[1]), .port = 3000 };
	sandbox->arrivals_count = 1;
	ports_hand_over_connections(sandbox, &network);
	CHECK_EQ(take(pair[1], &message, &fd), 0);
	CHECK_EQ(message.type, NET_CONNECT);
	CHECK_EQ(message.port, 3000);
	CHECK(fd >= 0);
	(void)close(fd);
	(void)close(pair[1]);
	network_finish(&network);
	CHECK_EQ(fixture_do(sandbox, SANDBOX_REMOVE, &err), 0);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST_MAIN()
