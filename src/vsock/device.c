#include "vsock/device.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/iov.h"
#include "vsock/table.h"

enum { CONNECT_TIMEOUT_MS = 10000 };

int vsock_device_create(const struct vsock_device_config *config, struct vsock_device **ret)
{
	/* Zeroed by the kernel: slots that are never used take no memory. */
	struct vsock_device *device = calloc(1, sizeof(*device));

	if (device == NULL)
		return -ENOMEM;
	device->config = *config;
	if (device->config.connect_timeout_ms == 0)
		device->config.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	list_init(&device->free);
	list_init(&device->owed);
	list_init(&device->ready);
	*ret = device;
	return 0;
}

/* Ends every connection; those whose REQUEST the guest never saw may stay for a new driver. */
static void end_all(struct vsock_device *device, bool keep_unseen)
{
	for (unsigned i = 0; i < device->fresh; i++) {
		struct connection *connection = &device->connections[i];

		if (connection->state == CONNECTION_FREE ||
		    (keep_unseen && (connection->owed & OWED_REQUEST) != 0))
			continue;
		backlog_finish(&connection->backlog);
		connection->forwarded = connection->received;
		if (connection->state == CONNECTION_ASKING)
			connection_refuse(connection, ECONNREFUSED, 0);
		else
			connection_leave(connection, 0);
	}
}

void vsock_device_destroy(struct vsock_device *device)
{
	if (device == NULL)
		return;
	end_all(device, false);
	free(device);
}

void vsock_device_reset(struct vsock_device *device)
{
	device->replies_count = 0;
	end_all(device, true);
}

static void timed_out(struct loop_timer *timer)
{
	struct connection *connection = container_of(timer, struct connection, timer);
	const struct vsock_device_config *config = &connection->device->config;
	bool unseen = (connection->owed & OWED_REQUEST) != 0;

	connection_refuse(connection, ETIMEDOUT, unseen ? 0 : OWED_RST);
	if (vsock_device_has_packets(connection->device))
		config->wanted(config->owner);
}

int vsock_device_connect(struct vsock_device *device, int fd, uint32_t port, int tag)
{
	struct connection *connection = table_add(device, fd, port);

	if (connection == NULL)
		return -ENOSPC;
	connection->tag = tag;
	connection_owe(connection, OWED_REQUEST);
	loop_arm(device->config.loop, &connection->timer,
		 clock_now_ms() + device->config.connect_timeout_ms, timed_out);
	connection_settle(connection);
	return 0;
}

bool vsock_device_can_receive(const struct vsock_device *device)
{
	return device->replies_count < REPLIES_MAX;
}

/* The guest speaks of what is not there. RST never answers RST. */
static void reply_reset(struct vsock_device *device, const struct vsock_packet *to)
{
	unsigned end = (device->replies_start + device->replies_count) % REPLIES_MAX;

	if (to->op == VSOCK_OP_RST || device->replies_count == REPLIES_MAX)
		return;
	device->replies[end] = (struct vsock_packet){
		.src_cid = to->dst_cid,
		.dst_cid = to->src_cid,
		.src_port = to->dst_port,
		.dst_port = to->src_port,
		.type = to->type,
		.op = VSOCK_OP_RST,
	};
	device->replies_count++;
}

static void receive_unknown(struct vsock_device *device, const struct vsock_packet *packet)
{
	const struct vsock_device_config *config = &device->config;

	if (packet->op == VSOCK_OP_REQUEST && packet->dst_port == config->knock_port &&
	    packet->dst_cid == VSOCK_HOST_CID && vsock_packet_is_sound(packet))
		config->knocked(config->owner);
	reply_reset(device, packet);
}

static void receive_bytes(struct connection *connection, struct iov *payload, uint32_t len)
{
	int r;

	if ((connection->heard & VSOCK_SHUTDOWN_SEND) != 0) {
		connection_leave(connection, OWED_RST);
		return;
	}
	r = connection_take(connection, payload, len);
	if (r == -EPIPE)
		connection_tell(connection, VSOCK_SHUTDOWN_RECEIVE);
	else if (r < 0)
		connection_leave(connection, OWED_RST);
	else if (connection_is_update_due(connection))
		connection_owe(connection, OWED_CREDIT_UPDATE);
}

static void receive_shutdown(struct connection *connection, uint32_t flags)
{
	connection->heard |= flags & VSOCK_SHUTDOWN_BOTH;
	if ((connection->heard & VSOCK_SHUTDOWN_RECEIVE) != 0)
		list_remove(&connection->ready_node);
	/* §5.10.6.6.1: RST confirms that the connection is over. */
	if (connection->heard == VSOCK_SHUTDOWN_BOTH)
		connection_leave(connection, OWED_RST);
	else
		connection_pass_shutdown(connection);
}

static void receive_open(struct connection *connection, const struct vsock_packet *packet,
			 struct iov *payload)
{
	switch ((enum vsock_op)packet->op) {
	case VSOCK_OP_RW:
		receive_bytes(connection, payload, packet->len);
		return;
	case VSOCK_OP_SHUTDOWN:
		receive_shutdown(connection, packet->flags);
		return;
	case VSOCK_OP_RST:
		connection_leave(connection, 0);
		return;
	case VSOCK_OP_CREDIT_UPDATE:
		return;
	case VSOCK_OP_CREDIT_REQUEST:
		connection_owe(connection, OWED_CREDIT_UPDATE);
		return;
	case VSOCK_OP_REQUEST:
	case VSOCK_OP_RESPONSE:
		break;
	}
	connection_leave(connection, OWED_RST);
}

static void receive_answer(struct connection *connection, const struct vsock_packet *packet)
{
	if (packet->op == VSOCK_OP_RESPONSE)
		connection_open(connection);
	else
		connection_refuse(connection, ECONNREFUSED,
				  packet->op == VSOCK_OP_RST ? 0 : OWED_RST);
}

static void receive_known(struct connection *connection, const struct vsock_packet *packet,
			  struct iov *payload)
{
	connection_note_credit(connection, packet);
	if (connection->state == CONNECTION_ASKING)
		receive_answer(connection, packet);
	else
		receive_open(connection, packet, payload);
	if (connection->starved && connection_credit(connection) > 0) {
		connection->starved = false;
		connection_make_ready(connection);
	}
	connection_settle(connection);
}

/* A packet that breaks the rules costs its connection. */
static void receive_unsound(struct connection *connection)
{
	if (connection->state == CONNECTION_ASKING)
		connection_refuse(connection, ECONNREFUSED, OWED_RST);
	else
		connection_leave(connection, OWED_RST);
}

void vsock_device_receive(struct vsock_device *device, const struct iovec *vec, size_t count)
{
	struct iov iov = iov_make(vec, count);
	uint8_t header[VSOCK_HEADER_SIZE];
	struct vsock_packet packet;
	struct connection *connection = NULL;

	if (iov_read(&iov, header, sizeof(header)) < 0)
		return;
	vsock_packet_decode(header, &packet);
	/* The guest has one address: nothing answers for another. */
	if (packet.src_cid != device->config.guest_cid)
		return;
	if (packet.dst_cid == VSOCK_HOST_CID)
		connection = table_find(device, packet.dst_port, packet.src_port);
	if (connection == NULL)
		receive_unknown(device, &packet);
	else if (!vsock_packet_is_sound(&packet) || packet.len > iov.left)
		receive_unsound(connection);
	else
		receive_known(connection, &packet, &iov);
}
