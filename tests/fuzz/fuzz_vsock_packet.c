/*
 * A hostile guest of the vsock device. The input is a script: an action byte
 * and its argument byte, and for packets the header that follows. Whatever is
 * said: what goes out is addressed to the guest, and after the end nothing is
 * left open.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/loop.h"
#include "tests/fuzz/fuzz.h"
#include "vsock/device.h"
#include "vsock/packet.h"

enum { CID = 3, HOSTS = 4, FIRST_PORT = VSOCK_CONNECTIONS_MAX, ROOM_SIZE = 256 };

enum action {
	ACTION_RAW,	 /* a packet as it stands in the input */
	ACTION_KNOWN,	 /* the same, addressed to a connection */
	ACTION_TAKE,	 /* the guest offers buffers */
	ACTION_CONNECT,	 /* the host opens a connection */
	ACTION_WRITE,	 /* the host sends */
	ACTION_READ,	 /* the host reads */
	ACTION_SHUTDOWN, /* the host ends a direction */
	ACTION_CLOSE,	 /* the host is gone */
	ACTION_RESET,	 /* a new driver */
	ACTION_LOOP,	 /* sockets are looked at */
	ACTIONS
};

struct world {
	struct loop *loop;
	struct vsock_device *device;
	int host[HOSTS];
	unsigned opened, left;
};

static void knocked(void *owner)
{
	(void)owner;
}

static void answered(void *owner, int fd, int code)
{
	(void)owner;
	(void)fd;
	(void)code;
}

static void left(void *owner, int tag)
{
	struct world *world = owner;

	(void)tag;
	if (++world->left > world->opened)
		abort();
}

static void take(struct world *world, size_t count)
{
	static uint8_t memory[VSOCK_ROOMS_MAX][ROOM_SIZE];
	struct vsock_room rooms[VSOCK_ROOMS_MAX];
	size_t used;

	for (size_t i = 0; i < VSOCK_ROOMS_MAX; i++)
		rooms[i] = (struct vsock_room){
			.vec = { { memory[i], 50 }, { memory[i] + 50, ROOM_SIZE - 50 } }, .count = 2
		};
	used = vsock_device_deliver(world->device, rooms, count % (VSOCK_ROOMS_MAX + 1));
	for (size_t i = 0; i < used; i++) {
		struct vsock_packet packet;

		vsock_packet_decode(memory[i], &packet);
		if (packet.dst_cid != CID || rooms[i].written != VSOCK_HEADER_SIZE + packet.len ||
		    rooms[i].written > ROOM_SIZE)
			abort();
	}
}

static void wanted(void *owner)
{
	take(owner, 1);
}

static void receive(struct world *world, uint8_t *header, size_t payload)
{
	static uint8_t bytes[65536];
	const struct iovec vec[2] = { { header, VSOCK_HEADER_SIZE }, { bytes, payload } };

	if (vsock_device_can_receive(world->device))
		vsock_device_receive(world->device, vec, payload > 0 ? 2 : 1);
}

/* The n-th connection ever has the n-th port, its guest port is its number. */
static void address(uint8_t *header, uint8_t to)
{
	le64_store(header, CID);
	le64_store(header + 8, VSOCK_HOST_CID);
	le32_store(header + 16, to % 16);
	le32_store(header + 20, FIRST_PORT + (uint32_t)(to % 16));
	le16_store(header + 28, VSOCK_TYPE_STREAM);
}

static size_t packet(struct world *world, bool known, uint8_t argument, const uint8_t *data,
		     size_t size)
{
	uint8_t header[VSOCK_HEADER_SIZE];
	uint32_t len;

	if (size < sizeof(header))
		return size;
	memcpy(header, data, sizeof(header));
	if (known)
		address(header, argument);
	len = le32_load(header + 24);
	receive(world, header, len <= VSOCK_PAYLOAD_MAX && (argument & 0x80) == 0 ? len : 7);
	return sizeof(header);
}

static void open_host(struct world *world, int *host)
{
	int pair[2];

	if (*host >= 0)
		(void)close(*host);
	*host = -1;
	if (fd_socketpair(pair) < 0)
		return;
	*host = pair[0];
	if (vsock_device_connect(world->device, pair[1], world->opened % 16, 0) == 0)
		world->opened++;
	else
		(void)close(pair[1]);
}

static void act(struct world *world, enum action action, uint8_t argument)
{
	static uint8_t bytes[70000];
	int *host = &world->host[argument % HOSTS];

	switch (action) {
	case ACTION_TAKE:
		take(world, argument);
		break;
	case ACTION_CONNECT:
		open_host(world, host);
		break;
	case ACTION_WRITE:
		(void)send(*host, bytes, (size_t)argument * 256 + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case ACTION_READ:
		(void)recv(*host, bytes, sizeof(bytes), MSG_DONTWAIT);
		break;
	case ACTION_SHUTDOWN:
		(void)shutdown(*host, argument & 0x80 ? SHUT_RD : SHUT_WR);
		break;
	case ACTION_CLOSE:
		if (*host >= 0)
			(void)close(*host);
		*host = -1;
		break;
	case ACTION_RESET:
		vsock_device_reset(world->device);
		break;
	case ACTION_LOOP:
		(void)loop_step(world->loop, 0);
		break;
	case ACTION_RAW:
	case ACTION_KNOWN:
	case ACTIONS:
		break;
	}
}

static void play(struct world *world, const uint8_t *data, size_t size)
{
	while (size >= 2) {
		enum action action = data[0] % ACTIONS;
		uint8_t argument = data[1];
		size_t used = 2;

		if (action == ACTION_RAW || action == ACTION_KNOWN)
			used += packet(world, action == ACTION_KNOWN, argument, data + 2, size - 2);
		else
			act(world, action, argument);
		data += used;
		size -= used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = { .host = { -1, -1, -1, -1 } };
	const struct vsock_device_config config = { .guest_cid = CID,
						    .knock_port = 1,
						    .owner = &world,
						    .knocked = knocked,
						    .answered = answered,
						    .left = left,
						    .wanted = wanted };
	struct vsock_device_config here = config;

	if (loop_create(&world.loop) < 0)
		abort();
	here.loop = world.loop;
	if (vsock_device_create(&here, &world.device) < 0)
		abort();
	play(&world, data, size);
	vsock_device_destroy(world.device);
	if (world.left != world.opened)
		abort();
	for (int i = 0; i < HOSTS; i++) {
		if (world.host[i] >= 0)
			(void)close(world.host[i]);
	}
	loop_destroy(world.loop);
	return 0;
}
