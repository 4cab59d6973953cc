/*
 * Packets for the guest, in this order: replies without a connection, what
 * connections owe, and bytes. Connections with bytes take turns; a turn is one
 * read into all rooms that are left, cut by the guest's credit, so that a fast
 * stream costs one system call for VSOCK_ROOMS_MAX packets.
 */
#include <errno.h>

#include "base/check.h"
#include "base/iov.h"
#include "vsock/table.h"

struct rooms {
	struct vsock_room *room;
	size_t count; /* rooms that are left */
};

static void put_packet(struct rooms *rooms, const struct vsock_packet *packet)
{
	struct iov iov = iov_make(rooms->room->vec, rooms->room->count);
	uint8_t header[VSOCK_HEADER_SIZE];

	vsock_packet_encode(packet, header);
	(void)iov_write(&iov, header, sizeof(header));
	rooms->room->written = VSOCK_HEADER_SIZE + packet->len;
	rooms->room++;
	rooms->count--;
}

/* Every packet of a connection tells how much of the guest's bytes went on. */
static void put_of(struct rooms *rooms, struct connection *connection, enum vsock_op op,
		   uint32_t len)
{
	const struct vsock_packet packet = {
		.src_cid = VSOCK_HOST_CID,
		.dst_cid = connection->device->config.guest_cid,
		.src_port = connection->host_port,
		.dst_port = connection->guest_port,
		.len = len,
		.type = VSOCK_TYPE_STREAM,
		.op = (uint16_t)op,
		.flags = op == VSOCK_OP_SHUTDOWN ? connection->told : 0,
		.buf_alloc = BACKLOG_SIZE,
		.fwd_cnt = connection->forwarded,
	};

	put_packet(rooms, &packet);
	connection->acknowledged = connection->forwarded;
	connection_paid(connection, OWED_CREDIT_UPDATE);
}

static void deliver_replies(struct vsock_device *device, struct rooms *rooms)
{
	while (device->replies_count > 0 && rooms->count > 0) {
		put_packet(rooms, &device->replies[device->replies_start]);
		device->replies_start = (device->replies_start + 1) % REPLIES_MAX;
		device->replies_count--;
	}
}

static void deliver_one_owed(struct connection *connection, struct rooms *rooms)
{
	static const struct {
		unsigned owed;
		enum vsock_op op;
	} rows[] = {
		{ OWED_REQUEST, VSOCK_OP_REQUEST },
		{ OWED_CREDIT_UPDATE, VSOCK_OP_CREDIT_UPDATE },
		{ OWED_CREDIT_REQUEST, VSOCK_OP_CREDIT_REQUEST },
		{ OWED_SHUTDOWN, VSOCK_OP_SHUTDOWN },
		{ OWED_RST, VSOCK_OP_RST },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if ((connection->owed & rows[i].owed) == 0)
			continue;
		put_of(rooms, connection, rows[i].op, 0);
		connection_paid(connection, rows[i].owed);
		return;
	}
}

static void deliver_owed(struct vsock_device *device, struct rooms *rooms)
{
	while (!list_is_empty(&device->owed) && rooms->count > 0) {
		struct connection *connection =
			container_of(device->owed.next, struct connection, owed_node);

		deliver_one_owed(connection, rooms);
		if (connection->owed == 0)
			connection_settle(connection);
	}
}

/* Bytes that fit behind the header of a room. */
static size_t payload_room(const struct vsock_room *room, struct iov *ret)
{
	*ret = iov_make(room->vec, room->count);
	(void)iov_skip(ret, VSOCK_HEADER_SIZE);
	return min_of(ret->left, VSOCK_PAYLOAD_MAX);
}

/* The payload parts of all rooms, up to limit bytes; their sum in *ret_len. */
static size_t gather(const struct rooms *rooms, size_t limit, struct iovec *ret, size_t *ret_len)
{
	size_t count = 0, len = 0;

	for (size_t i = 0; i < rooms->count && len < limit; i++) {
		struct iov iov;
		size_t n = min_of(payload_room(&rooms->room[i], &iov), limit - len);

		count += (size_t)iov_slice(&iov, n, ret + count, VSOCK_ROOM_PARTS);
		len += n;
	}
	*ret_len = len;
	return count;
}

/* Heads the packets whose payloads a read has filled. */
static void put_data(struct rooms *rooms, struct connection *connection, size_t len)
{
	connection->sent += (uint32_t)len;
	while (len > 0) {
		struct iov iov;
		size_t n = min_of(payload_room(rooms->room, &iov), len);

		put_of(rooms, connection, VSOCK_OP_RW, (uint32_t)n);
		len -= n;
	}
}

/* Its socket waits until the guest says that it has room again. */
static void starve(struct connection *connection)
{
	connection->starved = true;
	connection_owe(connection, OWED_CREDIT_REQUEST);
}

/* One turn. True when it may have more and can send more. */
static bool deliver_data(struct connection *connection, struct rooms *rooms)
{
	struct iovec vec[VSOCK_ROOMS_MAX * VSOCK_ROOM_PARTS];
	uint32_t credit = connection_credit(connection);
	size_t count, asked;
	ssize_t n;

	if (credit == 0) {
		starve(connection);
		return false;
	}
	count = gather(rooms, credit, vec, &asked);
	n = connection_read(connection, vec, count);
	if (n > 0) {
		put_data(rooms, connection, (size_t)n);
		return (size_t)n == asked;
	}
	if (n == 0 && !connection->host_gone)
		connection_tell(connection, VSOCK_SHUTDOWN_SEND);
	else if (n != -EAGAIN)
		connection_tell(connection, VSOCK_SHUTDOWN_BOTH);
	return false;
}

static void deliver_ready(struct vsock_device *device, struct rooms *rooms)
{
	while (!list_is_empty(&device->ready) && rooms->count > 0) {
		struct connection *connection =
			container_of(device->ready.next, struct connection, ready_node);

		list_remove(&connection->ready_node);
		if (deliver_data(connection, rooms))
			list_append(&device->ready, &connection->ready_node);
		connection_settle(connection);
	}
	/* Those that did not get a turn are not polled meanwhile. */
	list_for_each (node, next, &device->ready)
		connection_settle(container_of(node, struct connection, ready_node));
}

bool vsock_device_has_packets(const struct vsock_device *device)
{
	return device->replies_count > 0 || !list_is_empty(&device->owed) ||
	       !list_is_empty(&device->ready);
}

size_t vsock_device_deliver(struct vsock_device *device, struct vsock_room *rooms, size_t count)
{
	struct rooms left = { .room = rooms, .count = min_of(count, VSOCK_ROOMS_MAX) };

	deliver_replies(device, &left);
	deliver_owed(device, &left);
	deliver_ready(device, &left);
	return (size_t)(left.room - rooms);
}
