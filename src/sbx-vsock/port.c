#include "sbx-vsock/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/log.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/loop.h"
#include "vhost/backend.h"
#include "virtio/queue.h"
#include "vsock/device.h"

/* virtio 1.2 §5.10.2: the driver's view, so RX is what we fill. */
enum { QUEUE_RX, QUEUE_TX, QUEUE_EVENT, QUEUES };

enum {
	CONFIG_SIZE = 8, /* le64 guest_cid */
	ROOM_MIN = 64,	 /* bytes of a buffer worth using: a header and some payload */
	/* Before the others on the loop have their turn: */
	ROOMS_LOOKED_AT = 64, /* buffers, should they be of no use */
	PUMP_ROUNDS = 64,     /* deliveries */
	PUMP_PAUSE_MS = 1,
};

struct port {
	struct port_config config;
	struct vhost_backend *backend;
	struct vsock_device *device;
	struct loop_timer again; /* the pump stopped for the others' sake */
	bool has_knocked;	 /* since the driver started */
	bool is_held_up;	 /* TX: the guest has to take replies first */
	/* Receive buffers taken from the guest and not used yet, oldest first. */
	struct vsock_room room[VSOCK_ROOMS_MAX];
	uint16_t head[VSOCK_ROOMS_MAX];
	size_t rooms;
	struct virtq_chain chain; /* being looked at */
};

/* The first parts of the chain that the device may write. */
static size_t make_room(const struct virtq_chain *chain, struct vsock_room *ret)
{
	size_t size = 0;

	*ret = (struct vsock_room){ .count = 0 };
	for (unsigned i = chain->readable; i < chain->count && ret->count < VSOCK_ROOM_PARTS; i++) {
		size += chain->vec[i].iov_len;
		ret->vec[ret->count++] = chain->vec[i];
	}
	return size;
}

/*
 * Takes buffers until enough are held or none is left; then the guest kicks for new ones.
 * Those that are too small go back at once: false when none of those that were
 * looked at is of use and more may wait.
 */
static bool take_rooms(struct port *port, struct virtq *queue)
{
	for (unsigned looked = 0; port->rooms < VSOCK_ROOMS_MAX; looked++) {
		struct vsock_room *room = &port->room[port->rooms];
		int r;

		if (looked == ROOMS_LOOKED_AT)
			return port->rooms > 0;
		r = virtq_pop(queue, &port->chain);
		if (r < 0 || (r == 0 && !virtq_set_kicks(queue, true)))
			break;
		if (r == 0)
			continue;
		if (make_room(&port->chain, room) < ROOM_MIN)
			virtq_push(queue, port->chain.head, 0);
		else
			port->head[port->rooms++] = port->chain.head;
	}
	return true;
}

/* Gives the first count buffers to the guest. */
static void give_rooms(struct port *port, struct virtq *queue, size_t count)
{
	for (size_t i = 0; i < count; i++)
		virtq_push(queue, port->head[i], port->room[i].written);
	port->rooms -= count;
	memmove(port->room, port->room + count, port->rooms * sizeof(port->room[0]));
	memmove(port->head, port->head + count, port->rooms * sizeof(port->head[0]));
}

static void pumped_again(struct loop_timer *timer);

/* Packets to the guest, while there are any and it has buffers for them. */
static void pump(struct port *port)
{
	struct virtq *queue = vhost_backend_queue(port->backend, QUEUE_RX);
	bool any = false;

	if (queue == NULL)
		return;
	for (unsigned round = 0; vsock_device_has_packets(port->device); round++) {
		size_t used;

		if (round == PUMP_ROUNDS || !take_rooms(port, queue)) {
			loop_arm(port->config.loop, &port->again, clock_now_ms() + PUMP_PAUSE_MS,
				 pumped_again);
			break;
		}
		if (port->rooms == 0)
			break;
		used = vsock_device_deliver(port->device, port->room, port->rooms);
		give_rooms(port, queue, used);
		any |= used > 0;
	}
	if (any)
		vhost_backend_signal(port->backend, QUEUE_RX);
}

/* After it the guest's own packets may go on. Not from within TX: that looks itself. */
static void pump_and_resume(struct port *port)
{
	pump(port);
	if (port->is_held_up && vsock_device_can_receive(port->device))
		vhost_backend_resume(port->backend, QUEUE_TX);
}

static void pumped_again(struct loop_timer *timer)
{
	pump_and_resume(container_of(timer, struct port, again));
}

static void wanted(void *owner)
{
	pump_and_resume(owner);
}

/*
 * A queue's worth of packets; more that came meanwhile wait for the next call. Replies go out
 * before and after: as long as the guest takes them it is never held up.
 */
static void take_packets(struct port *port, struct virtq *queue)
{
	pump(port);
	for (unsigned i = 0; i < queue->config.size; i++) {
		if (!vsock_device_can_receive(port->device) || virtq_pop(queue, &port->chain) <= 0)
			break;
		vsock_device_receive(port->device, port->chain.vec, port->chain.readable);
		virtq_push(queue, port->chain.head, 0);
	}
	port->is_held_up = !vsock_device_can_receive(port->device);
	pump(port);
}

static void config_read(void *device, uint8_t *config)
{
	const struct port *port = device;

	le64_store(config, port->config.guest_cid);
}

/* A queue from its very start belongs to a driver that knows of no connection. */
static void queue_started(void *device, unsigned index, struct virtq *queue)
{
	struct port *port = device;

	if (index != QUEUE_RX || queue->last_avail != 0)
		return;
	port->has_knocked = false;
	vsock_device_reset(port->device);
}

static void queue_stopped(void *device, unsigned index)
{
	struct port *port = device;
	struct virtq *queue = vhost_backend_queue(port->backend, QUEUE_RX);

	if (index != QUEUE_RX)
		return;
	for (size_t i = 0; i < port->rooms; i++)
		port->room[i].written = 0;
	if (queue != NULL)
		give_rooms(port, queue, port->rooms);
	port->rooms = 0;
}

static void kicked(void *device, unsigned index, struct virtq *queue)
{
	struct port *port = device;

	if (index == QUEUE_RX)
		pump_and_resume(port);
	else if (index == QUEUE_TX)
		take_packets(port, queue);
}

static void broken(void *device, unsigned index, const char *rule)
{
	(void)device;
	log_warning("the guest broke a rule of vsock queue %u: %s", index, rule);
}

static void closed(void *device, const char *why)
{
	struct port *port = device;

	port->config.closed(port->config.owner, why);
}

static const struct vhost_device_impl port_impl = {
	.queues = QUEUES,
	.config_size = CONFIG_SIZE,
	.config_read = config_read,
	.queue_started = queue_started,
	.queue_stopped = queue_stopped,
	.kicked = kicked,
	.broken = broken,
	.closed = closed,
};

static void device_knocked(void *owner)
{
	struct port *port = owner;

	if (!port->has_knocked)
		port->config.knocked(port->config.owner);
	port->has_knocked = true;
}

static void device_answered(void *owner, int fd, int code)
{
	struct port *port = owner;

	port->config.answered(port->config.owner, fd, code);
}

static void device_left(void *owner, int tag)
{
	struct port *port = owner;

	port->config.left(port->config.owner, tag);
}

int port_create(const struct port_config *config, struct port **ret)
{
	struct port *port = calloc(1, sizeof(*port));
	const struct vsock_device_config device = {
		.loop = config->loop,
		.guest_cid = config->guest_cid,
		.knock_port = config->knock_port,
		.owner = port,
		.knocked = device_knocked,
		.answered = device_answered,
		.left = device_left,
		.wanted = wanted,
	};
	int r;

	if (port == NULL)
		return -ENOMEM;
	port->config = *config;
	r = vsock_device_create(&device, &port->device);
	if (r == 0)
		r = vhost_backend_create(config->loop, config->socket, &port_impl, port,
					 &port->backend);
	if (r < 0) {
		port_destroy(port);
		return r;
	}
	*ret = port;
	return 0;
}

void port_destroy(struct port *port)
{
	if (port == NULL)
		return;
	loop_disarm(&port->again);
	vsock_device_destroy(port->device);
	vhost_backend_destroy(port->backend);
	free(port);
}

int port_connect(struct port *port, int fd, uint32_t guest_port, int tag)
{
	int r = vsock_device_connect(port->device, fd, guest_port, tag);

	if (r == 0)
		pump_and_resume(port);
	return r;
}
