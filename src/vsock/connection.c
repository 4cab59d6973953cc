#include "vsock/connection.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/iov.h"

enum { WRITE_PARTS_MAX = 64, UPDATE_DUE = BACKLOG_SIZE / 4 };

uint32_t connection_credit(const struct connection *connection)
{
	uint32_t in_flight = connection->sent - connection->peer_forwarded;

	/* The guest may shrink its buffer below what is on the way. */
	return in_flight < connection->peer_buffer ? connection->peer_buffer - in_flight : 0;
}

void connection_note_credit(struct connection *connection, const struct vsock_packet *packet)
{
	uint32_t in_flight = connection->sent - connection->peer_forwarded;
	uint32_t advance = packet->fwd_cnt - connection->peer_forwarded;

	connection->peer_buffer = packet->buf_alloc;
	if (advance <= in_flight)
		connection->peer_forwarded = packet->fwd_cnt;
}

/* Bytes the socket took at once, 0 when it takes none, -EPIPE. */
static ssize_t write_some(const struct connection *connection, struct iovec *vec, size_t count)
{
	struct msghdr message = { .msg_iov = vec, .msg_iovlen = count };
	ssize_t n;

	do
		n = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == ENOBUFS ? 0 : -EPIPE;
}

/* Straight from the guest's memory: the kernel reads it, we do not look. */
static ssize_t write_payload(const struct connection *connection, struct iov *payload, uint32_t len)
{
	struct iovec vec[WRITE_PARTS_MAX];
	int count = iov_slice(payload, len, vec, WRITE_PARTS_MAX);
	ssize_t n;

	if (count == -E2BIG)
		return 0;
	if (count < 0)
		return count;
	n = write_some(connection, vec, (size_t)count);
	if (n > 0)
		(void)iov_skip(payload, (size_t)n);
	return n;
}

static int drop_all(struct connection *connection)
{
	backlog_finish(&connection->backlog);
	connection->forwarded = connection->received;
	return -EPIPE;
}

int connection_take(struct connection *connection, struct iov *payload, uint32_t len)
{
	ssize_t n = 0;

	if (len > BACKLOG_SIZE - (connection->received - connection->forwarded))
		return -ENOBUFS;
	connection->received += len;
	if (connection->fd < 0 || (connection->told & VSOCK_SHUTDOWN_RECEIVE) != 0)
		return drop_all(connection);
	if (connection->backlog.len == 0 && len > 0)
		n = write_payload(connection, payload, len);
	if (n < 0)
		return drop_all(connection);
	connection->forwarded += (uint32_t)n;
	return backlog_put(&connection->backlog, payload, len - (size_t)n);
}

int connection_flush(struct connection *connection)
{
	struct iovec vec[2];
	int count;

	while ((count = backlog_pieces(&connection->backlog, vec)) > 0) {
		ssize_t n = write_some(connection, vec, (size_t)count);

		if (n < 0)
			return drop_all(connection);
		if (n == 0)
			return 0;
		backlog_drop(&connection->backlog, (size_t)n);
		connection->forwarded += (uint32_t)n;
	}
	return 0;
}

void connection_pass_shutdown(struct connection *connection)
{
	if (connection->fd < 0)
		return;
	if ((connection->heard & VSOCK_SHUTDOWN_RECEIVE) != 0)
		(void)shutdown(connection->fd, SHUT_RD);
	if ((connection->heard & VSOCK_SHUTDOWN_SEND) != 0 && connection->backlog.len == 0)
		(void)shutdown(connection->fd, SHUT_WR);
}

ssize_t connection_read(const struct connection *connection, struct iovec *vec, size_t count)
{
	struct msghdr message = { .msg_iov = vec, .msg_iovlen = count };
	ssize_t n;

	do
		n = recvmsg(connection->fd, &message, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

bool connection_is_update_due(const struct connection *connection)
{
	return connection->forwarded - connection->acknowledged >= UPDATE_DUE;
}
