#include "vsock/table.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"

/*
 * port = (generation + 1) * VSOCK_CONNECTIONS_MAX + slot: never a privileged
 * port, never VMADDR_PORT_ANY (2^32 - 1).
 */
enum { SLOT_MASK = VSOCK_CONNECTIONS_MAX - 1, PORT_STEP = VSOCK_CONNECTIONS_MAX };
#define PORT_MAX UINT32_C(0x7fffffff)

struct connection *table_add(struct vsock_device *device, int fd, uint32_t guest_port)
{
	struct connection *connection;
	uint32_t port;

	if (!list_is_empty(&device->free)) {
		connection = container_of(device->free.next, struct connection, owed_node);
		list_remove(&connection->owed_node);
		port = connection->host_port + PORT_STEP;
	} else if (device->fresh < VSOCK_CONNECTIONS_MAX) {
		connection = &device->connections[device->fresh];
		port = PORT_STEP + device->fresh++;
	} else {
		return NULL;
	}
	if (port > PORT_MAX)
		port = PORT_STEP + (port & SLOT_MASK);
	*connection = (struct connection){ .device = device,
					   .state = CONNECTION_ASKING,
					   .fd = fd,
					   .host_port = port,
					   .guest_port = guest_port,
					   .watch = { .fd = -1 } };
	list_init(&connection->owed_node);
	list_init(&connection->ready_node);
	return connection;
}

struct connection *table_find(struct vsock_device *device, uint32_t host_port, uint32_t guest_port)
{
	struct connection *connection = &device->connections[host_port & SLOT_MASK];

	if (connection->host_port != host_port || connection->guest_port != guest_port)
		return NULL;
	switch (connection->state) {
	case CONNECTION_ASKING:
		/* It cannot speak of what it was not told yet. */
		return (connection->owed & OWED_REQUEST) != 0 ? NULL : connection;
	case CONNECTION_OPEN:
		return connection;
	case CONNECTION_FREE:
	case CONNECTION_LEFT:
		break;
	}
	return NULL;
}

void connection_owe(struct connection *connection, unsigned owed)
{
	if (connection->owed == 0 && owed != 0)
		list_append(&connection->device->owed, &connection->owed_node);
	connection->owed |= owed;
}

void connection_paid(struct connection *connection, unsigned owed)
{
	connection->owed &= ~owed;
	if (connection->owed == 0 && connection->state != CONNECTION_FREE)
		list_remove(&connection->owed_node);
}

void connection_tell(struct connection *connection, unsigned shutdown)
{
	if ((shutdown & ~connection->told) == 0 || connection->state != CONNECTION_OPEN)
		return;
	connection->told |= shutdown;
	connection_owe(connection, OWED_SHUTDOWN);
}

bool connection_is_readable(const struct connection *connection)
{
	return connection->state == CONNECTION_OPEN && connection->fd >= 0 &&
	       (connection->told & VSOCK_SHUTDOWN_SEND) == 0 &&
	       (connection->heard & VSOCK_SHUTDOWN_RECEIVE) == 0;
}

void connection_make_ready(struct connection *connection)
{
	if (connection_is_readable(connection) && !connection->starved &&
	    list_is_empty(&connection->ready_node))
		list_append(&connection->device->ready, &connection->ready_node);
}

/* The session is over for the host, even while its last bytes are on the way. */
static void mark_host_gone(struct connection *connection)
{
	const struct vsock_device_config *config = &connection->device->config;

	if (connection->host_gone)
		return;
	connection->host_gone = true;
	config->left(config->owner, connection->tag);
}

static void close_host(struct connection *connection)
{
	loop_remove(&connection->watch);
	connection->watched = 0;
	(void)close(take_fd(&connection->fd));
	backlog_finish(&connection->backlog);
	connection->forwarded = connection->received;
	list_remove(&connection->ready_node);
	mark_host_gone(connection);
}

static void host_ready(struct loop_watch *watch, uint32_t events)
{
	struct connection *connection = container_of(watch, struct connection, watch);
	const struct vsock_device_config *config = &connection->device->config;

	if ((events & EPOLLOUT) != 0)
		connection_drain(connection);
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		connection_make_ready(connection);
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		connection_host_left(connection);
	/* First the delivery: most often it empties the socket and the watch may stay. */
	if (vsock_device_has_packets(connection->device))
		config->wanted(config->owner);
	connection_settle(connection);
}

/*
 * The events to wait for. A closed peer is reported whatever they are and for
 * ever; ONESHOT makes that once when there is nothing else to wait for.
 */
static uint32_t wanted_events(const struct connection *connection)
{
	uint32_t events = 0;

	if (connection_is_readable(connection) && !connection->starved &&
	    list_is_empty(&connection->ready_node))
		events |= EPOLLIN;
	if (connection->backlog.len > 0)
		events |= EPOLLOUT;
	if (events == 0 && !connection->host_gone)
		events = EPOLLONESHOT;
	return events;
}

static int set_watch(struct connection *connection, uint32_t events)
{
	if (connection->watch.loop != NULL && events != 0)
		return loop_change(&connection->watch, events);
	if (events != 0)
		return loop_add(connection->device->config.loop, &connection->watch, connection->fd,
				events, host_ready);
	loop_remove(&connection->watch);
	return 0;
}

static void update_watch(struct connection *connection)
{
	uint32_t events = wanted_events(connection);

	if (events == connection->watched)
		return;
	connection->watched = events;
	/* The host is out of memory for watches: this connection cannot be served. */
	if (set_watch(connection, events) < 0) {
		close_host(connection);
		connection_tell(connection, VSOCK_SHUTDOWN_BOTH);
	}
}

void connection_settle(struct connection *connection)
{
	bool over = connection->state == CONNECTION_LEFT ||
		    (connection->told & VSOCK_SHUTDOWN_BOTH) == VSOCK_SHUTDOWN_BOTH;

	if (connection->state == CONNECTION_FREE)
		return;
	if (connection->fd >= 0 && over && connection->backlog.len == 0)
		close_host(connection);
	if (connection->fd >= 0)
		update_watch(connection);
	if (connection->state == CONNECTION_LEFT && connection->fd < 0 && connection->owed == 0) {
		connection->state = CONNECTION_FREE;
		list_append(&connection->device->free, &connection->owed_node);
	}
}

void connection_open(struct connection *connection)
{
	const struct vsock_device_config *config = &connection->device->config;

	loop_disarm(&connection->timer);
	connection->state = CONNECTION_OPEN;
	config->answered(config->owner, connection->fd, 0);
	connection_settle(connection);
}

void connection_leave(struct connection *connection, unsigned owed)
{
	loop_disarm(&connection->timer);
	list_remove(&connection->ready_node);
	connection->state = CONNECTION_LEFT;
	connection->starved = false;
	connection->heard = VSOCK_SHUTDOWN_BOTH;
	connection_paid(connection, ~0U);
	connection_owe(connection, owed);
	connection_pass_shutdown(connection);
	connection_settle(connection);
}

void connection_refuse(struct connection *connection, int code, unsigned owed)
{
	const struct vsock_device_config *config = &connection->device->config;

	config->answered(config->owner, connection->fd, code);
	connection_leave(connection, owed);
}

void connection_drain(struct connection *connection)
{
	if (connection_flush(connection) < 0)
		connection_tell(connection, VSOCK_SHUTDOWN_RECEIVE);
	connection_pass_shutdown(connection);
	if (connection->state == CONNECTION_OPEN && connection_is_update_due(connection))
		connection_owe(connection, OWED_CREDIT_UPDATE);
}

void connection_host_left(struct connection *connection)
{
	mark_host_gone(connection);
	if (connection->state == CONNECTION_ASKING)
		connection_leave(connection, (connection->owed & OWED_REQUEST) != 0 ? 0 : OWED_RST);
	else if (!connection_is_readable(connection))
		connection_tell(connection, VSOCK_SHUTDOWN_BOTH);
	if (connection->fd >= 0 && connection->backlog.len > 0)
		connection_drain(connection); /* nobody reads: it is dropped */
}
