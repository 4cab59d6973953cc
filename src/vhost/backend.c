/*
 * A request comes in whole (channel.c), is looked up in `handlers`, decoded as
 * that row says, and handled. Whatever describes a running ring stops it, is
 * applied, and the ring starts again as soon as all of it is known.
 *
 * A frontend that wants an acknowledgement (REPLY_ACK) gets 1 for what could
 * not be done and may go on. Without one, or for bytes that are no message, it
 * loses the connection.
 */
#include "vhost/backend.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "vhost/channel.h"
#include "vhost/rings.h"
#include "vm/guestmem.h"

#define FEATURE(bit) (UINT64_C(1) << (bit))

struct vhost_backend {
	struct loop_watch watch; /* of the channel */
	struct vhost_channel channel;
	struct vhost_channel requests; /* ours to the frontend; socket -1: none */
	uint64_t protocol;	       /* VHOST_PROTOCOL_* that the frontend accepted */
	struct vhost_rings rings;
};

typedef int handler_fn(struct vhost_backend *backend, struct vhost_message *message);

static int reply(struct vhost_backend *backend, struct vhost_message *message,
		 enum vhost_payload kind)
{
	message->flags = VHOST_REPLY;
	return vhost_channel_send(&backend->channel, message, kind, NULL, 0);
}

static int reply_u64(struct vhost_backend *backend, struct vhost_message *message, uint64_t value)
{
	message->u64 = value;
	return reply(backend, message, VHOST_PAYLOAD_U64);
}

static uint64_t offered_features(const struct vhost_backend *backend)
{
	return backend->rings.impl->features | FEATURE(VIRTIO_F_VERSION_1) |
	       FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | FEATURE(VIRTIO_RING_F_EVENT_IDX) |
	       VHOST_FEATURE_PROTOCOL;
}

static uint64_t offered_protocol(const struct vhost_backend *backend)
{
	uint64_t protocol = VHOST_PROTOCOL_MQ | VHOST_PROTOCOL_REPLY_ACK |
			    VHOST_PROTOCOL_BACKEND_REQ | VHOST_PROTOCOL_RESET_DEVICE;

	if (backend->rings.impl->resumes)
		protocol |= VHOST_PROTOCOL_INFLIGHT;
	return backend->rings.impl->config_size > 0 ? protocol | VHOST_PROTOCOL_CONFIG : protocol;
}

static int get_features(struct vhost_backend *backend, struct vhost_message *message)
{
	return reply_u64(backend, message, offered_features(backend));
}

/* Without protocol features there is no SET_VRING_ENABLE: rings are born enabled. */
static int set_features(struct vhost_backend *backend, struct vhost_message *message)
{
	uint64_t features = message->u64;

	if ((features & ~offered_features(backend)) != 0 ||
	    (features & FEATURE(VIRTIO_F_VERSION_1)) == 0)
		return -EINVAL;
	if (features == backend->rings.features)
		return 0;
	vhost_rings_stop_all(&backend->rings);
	backend->rings.features = features;
	for (unsigned i = 0; i < backend->rings.impl->queues; i++)
		backend->rings.ring[i].enabled |= (features & VHOST_FEATURE_PROTOCOL) == 0;
	if (backend->rings.impl->negotiated != NULL)
		backend->rings.impl->negotiated(backend->rings.device,
						features & ~VHOST_FEATURE_PROTOCOL);
	return vhost_rings_start_all(&backend->rings);
}

static int get_protocol_features(struct vhost_backend *backend, struct vhost_message *message)
{
	return reply_u64(backend, message, offered_protocol(backend));
}

static int set_protocol_features(struct vhost_backend *backend, struct vhost_message *message)
{
	if ((message->u64 & ~offered_protocol(backend)) != 0)
		return -EINVAL;
	backend->protocol = message->u64;
	return 0;
}

static int get_queue_num(struct vhost_backend *backend, struct vhost_message *message)
{
	return reply_u64(backend, message, backend->rings.impl->queues);
}

static int set_owner(struct vhost_backend *backend, struct vhost_message *message)
{
	(void)backend;
	(void)message;
	return 0;
}

static int reset_device(struct vhost_backend *backend, struct vhost_message *message)
{
	(void)message;
	vhost_rings_stop_all(&backend->rings);
	for (unsigned i = 0; i < backend->rings.impl->queues; i++)
		vhost_ring_clear(&backend->rings.ring[i]);
	vhost_inflight_finish(&backend->rings.inflight);
	return 0;
}

static int set_backend_req_fd(struct vhost_backend *backend, struct vhost_message *message)
{
	int fd = vhost_channel_take_fd(&backend->channel), r;

	(void)message;
	if (fd < 0)
		return -EINVAL;
	vhost_channel_finish(&backend->requests);
	r = vhost_channel_init(&backend->requests, fd);
	if (r < 0)
		(void)close(fd);
	return r;
}

static int set_mem_table(struct vhost_backend *backend, struct vhost_message *message)
{
	const struct vhost_memory *memory = &message->memory;
	int r = 0;

	if (memory->count != backend->channel.fds_count)
		return -EINVAL;
	vhost_rings_stop_all(&backend->rings);
	guestmem_finish(&backend->rings.mem);
	for (uint32_t i = 0; i < memory->count && r == 0; i++) {
		const struct vhost_memory_region *region = &memory->region[i];

		r = guestmem_map(&backend->rings.mem, region->gpa, region->size, region->uaddr,
				 backend->channel.fds[i], region->offset);
	}
	if (r < 0) {
		guestmem_finish(&backend->rings.mem);
		return r;
	}
	return vhost_rings_start_all(&backend->rings);
}

/* The ring that a message names, stopped if it ran; NULL when there is no such queue. */
static struct vhost_ring *stopped_ring(struct vhost_backend *backend, uint64_t index)
{
	struct vhost_ring *ring = vhost_rings_at(&backend->rings, index);

	if (ring != NULL)
		vhost_rings_stop(ring);
	return ring;
}

static int set_vring_num(struct vhost_backend *backend, struct vhost_message *message)
{
	struct vhost_ring *ring = stopped_ring(backend, message->state.index);
	uint32_t size = message->state.value;

	if (ring == NULL || size == 0 || size > VIRTQ_SIZE_MAX || (size & (size - 1)) != 0)
		return -EINVAL;
	ring->size = (uint16_t)size;
	return vhost_rings_start(ring);
}

static int set_vring_base(struct vhost_backend *backend, struct vhost_message *message)
{
	struct vhost_ring *ring = stopped_ring(backend, message->state.index);

	if (ring == NULL || message->state.value > UINT16_MAX)
		return -EINVAL;
	ring->base = (uint16_t)message->state.value;
	return vhost_rings_start(ring);
}

static int set_vring_addr(struct vhost_backend *backend, struct vhost_message *message)
{
	struct vhost_ring *ring = stopped_ring(backend, message->address.index);

	if (ring == NULL)
		return -EINVAL;
	ring->address = message->address;
	ring->addressed = true;
	return vhost_rings_start(ring);
}

/* What is said again must not stop a ring: its device would have to drop the chains it holds. */
static int set_vring_enable(struct vhost_backend *backend, struct vhost_message *message)
{
	struct vhost_ring *ring = vhost_rings_at(&backend->rings, message->state.index);
	bool enabled = message->state.value == 1;

	if (ring == NULL || message->state.value > 1)
		return -EINVAL;
	if (ring->enabled == enabled)
		return 0;
	vhost_rings_stop(ring);
	ring->enabled = enabled;
	return vhost_rings_start(ring);
}

static int get_vring_base(struct vhost_backend *backend, struct vhost_message *message)
{
	struct vhost_ring *ring = stopped_ring(backend, message->state.index);

	if (ring == NULL)
		return -EINVAL;
	(void)vhost_ring_set_fd(&ring->kick, -1);
	(void)vhost_ring_set_fd(&ring->call, -1);
	message->state.value = ring->base;
	return reply(backend, message, VHOST_PAYLOAD_STATE);
}

/* The eventfd of a kick, call or err message goes to *place; it may say that there is none. */
static int take_eventfd(struct vhost_backend *backend, const struct vhost_message *message,
			int *place)
{
	bool none = (message->u64 & VHOST_VRING_NO_DESCRIPTOR) != 0;
	int fd = vhost_channel_take_fd(&backend->channel);

	if (none != (fd < 0)) {
		if (fd >= 0)
			(void)close(fd);
		return -EINVAL;
	}
	return vhost_ring_set_fd(place, fd);
}

/* A ring without a kick would have to be polled, which we do not offer. */
static int set_vring_kick(struct vhost_backend *backend, struct vhost_message *message)
{
	struct vhost_ring *ring = stopped_ring(backend, message->u64 & VHOST_VRING_INDEX_MASK);
	int r;

	if (ring == NULL || (message->u64 & VHOST_VRING_NO_DESCRIPTOR) != 0)
		return -EINVAL;
	r = take_eventfd(backend, message, &ring->kick);
	return r < 0 ? r : vhost_rings_start(ring);
}

static int set_vring_call(struct vhost_backend *backend, struct vhost_message *message)
{
	struct vhost_ring *ring =
		vhost_rings_at(&backend->rings, message->u64 & VHOST_VRING_INDEX_MASK);

	return ring == NULL ? -EINVAL : take_eventfd(backend, message, &ring->call);
}

static int set_vring_err(struct vhost_backend *backend, struct vhost_message *message)
{
	struct vhost_ring *ring =
		vhost_rings_at(&backend->rings, message->u64 & VHOST_VRING_INDEX_MASK);

	return ring == NULL ? -EINVAL : take_eventfd(backend, message, &ring->error);
}

/* What is asked for beyond the device's own bytes reads as zero; an empty answer is a refusal. */
static int get_config(struct vhost_backend *backend, struct vhost_message *message)
{
	struct vhost_config *config = &message->config;
	uint8_t space[VHOST_CONFIG_MAX] = { 0 };

	if (!range_within(config->offset, config->size, sizeof(space)))
		return reply(backend, message, VHOST_PAYLOAD_NONE);
	if (backend->rings.impl->config_size > 0)
		backend->rings.impl->config_read(backend->rings.device, space);
	memcpy(config->bytes, space + config->offset, config->size);
	return reply(backend, message, VHOST_PAYLOAD_CONFIG);
}

/* No device of ours has a field that the driver writes. */
static int set_config(struct vhost_backend *backend, struct vhost_message *message)
{
	(void)backend;
	(void)message;
	return -EROFS;
}

/* The area is made for the frontend to keep, who says with SET_INFLIGHT_FD that it is in use. */
static int get_inflight(struct vhost_backend *backend, struct vhost_message *message)
{
	uint16_t queues = message->area.queues;
	int fd = -1, r;

	if ((backend->protocol & VHOST_PROTOCOL_INFLIGHT) == 0 ||
	    queues > backend->rings.impl->queues)
		return -EINVAL;
	r = vhost_inflight_make(queues, message->area.queue_size, &message->area, &fd);
	if (r < 0)
		return r;
	message->flags = VHOST_REPLY;
	r = vhost_channel_send(&backend->channel, message, VHOST_PAYLOAD_AREA, &fd, 1);
	(void)close(fd);
	return r;
}

static int set_inflight(struct vhost_backend *backend, struct vhost_message *message)
{
	struct vhost_rings *rings = &backend->rings;
	autoclose int fd = vhost_channel_take_fd(&backend->channel);
	int r;

	if ((backend->protocol & VHOST_PROTOCOL_INFLIGHT) == 0 || fd < 0)
		return -EINVAL;
	vhost_rings_stop_all(rings);
	vhost_inflight_finish(&rings->inflight);
	r = vhost_inflight_map(&message->area, fd, &rings->inflight);
	return r < 0 ? r : vhost_rings_start_all(rings);
}

struct handler {
	handler_fn *handle; /* NULL: a request we do not know */
	enum vhost_payload payload;
	bool replies; /* answers by itself, never with an acknowledgement */
};

static const struct handler handlers[VHOST_REQUESTS_END] = {
	[VHOST_GET_FEATURES] = { get_features, VHOST_PAYLOAD_NONE, true },
	[VHOST_SET_FEATURES] = { set_features, VHOST_PAYLOAD_U64, false },
	[VHOST_SET_OWNER] = { set_owner, VHOST_PAYLOAD_NONE, false },
	[VHOST_RESET_OWNER] = { reset_device, VHOST_PAYLOAD_NONE, false },
	[VHOST_SET_MEM_TABLE] = { set_mem_table, VHOST_PAYLOAD_MEMORY, false },
	[VHOST_SET_VRING_NUM] = { set_vring_num, VHOST_PAYLOAD_STATE, false },
	[VHOST_SET_VRING_ADDR] = { set_vring_addr, VHOST_PAYLOAD_ADDRESS, false },
	[VHOST_SET_VRING_BASE] = { set_vring_base, VHOST_PAYLOAD_STATE, false },
	[VHOST_GET_VRING_BASE] = { get_vring_base, VHOST_PAYLOAD_STATE, true },
	[VHOST_SET_VRING_KICK] = { set_vring_kick, VHOST_PAYLOAD_U64, false },
	[VHOST_SET_VRING_CALL] = { set_vring_call, VHOST_PAYLOAD_U64, false },
	[VHOST_SET_VRING_ERR] = { set_vring_err, VHOST_PAYLOAD_U64, false },
	[VHOST_GET_PROTOCOL_FEATURES] = { get_protocol_features, VHOST_PAYLOAD_NONE, true },
	[VHOST_SET_PROTOCOL_FEATURES] = { set_protocol_features, VHOST_PAYLOAD_U64, false },
	[VHOST_GET_QUEUE_NUM] = { get_queue_num, VHOST_PAYLOAD_NONE, true },
	[VHOST_SET_VRING_ENABLE] = { set_vring_enable, VHOST_PAYLOAD_STATE, false },
	[VHOST_SET_BACKEND_REQ_FD] = { set_backend_req_fd, VHOST_PAYLOAD_NONE, false },
	[VHOST_GET_CONFIG] = { get_config, VHOST_PAYLOAD_CONFIG, true },
	[VHOST_SET_CONFIG] = { set_config, VHOST_PAYLOAD_CONFIG, false },
	[VHOST_GET_INFLIGHT_FD] = { get_inflight, VHOST_PAYLOAD_AREA, true },
	[VHOST_SET_INFLIGHT_FD] = { set_inflight, VHOST_PAYLOAD_AREA, false },
	[VHOST_RESET_DEVICE] = { reset_device, VHOST_PAYLOAD_NONE, false },
};

/* Handles the message that is whole in the channel. */
static int handle(struct vhost_backend *backend)
{
	const struct vhost_header *header = &backend->channel.header;
	const struct handler *handler;
	struct vhost_message message;
	int r;

	if (header->request >= VHOST_REQUESTS_END || handlers[header->request].handle == NULL)
		return -ENOSYS;
	handler = &handlers[header->request];
	r = vhost_message_decode(header, handler->payload,
				 backend->channel.bytes + VHOST_HEADER_SIZE, &message);
	if (r < 0)
		return r;
	r = handler->handle(backend, &message);
	if (handler->replies || (header->flags & VHOST_NEED_REPLY) == 0 ||
	    (backend->protocol & VHOST_PROTOCOL_REPLY_ACK) == 0)
		return r;
	return reply_u64(backend, &message, r < 0 ? 1 : 0);
}

/* Ends the connection: rings stop, nothing is watched any more, then the device hears why. */
static void close_connection(struct vhost_backend *backend, int error)
{
	const char *why = "the frontend sent a message that is not vhost-user";

	if (error == -EPIPE || error == -ECONNRESET)
		why = "the frontend closed the connection";
	else if (error == -ENOSYS)
		why = "the frontend sent a request that is not known here";
	else if (error == -EAGAIN)
		why = "the frontend does not read its replies";
	else if (error != -EPROTO && error != -EMSGSIZE)
		why = "the frontend asked for what cannot be done";
	vhost_rings_stop_all(&backend->rings);
	loop_remove(&backend->watch);
	backend->rings.impl->closed(backend->rings.device, why);
}

static void receive(struct loop_watch *watch, uint32_t events)
{
	struct vhost_backend *backend = container_of(watch, struct vhost_backend, watch);
	int r;

	(void)events;
	while ((r = vhost_channel_receive(&backend->channel)) == 1) {
		r = handle(backend);
		vhost_channel_next(&backend->channel);
		if (r < 0)
			break;
	}
	if (r < 0)
		close_connection(backend, r);
}

int vhost_backend_create(struct loop *loop, int socket, const struct vhost_device_impl *impl,
			 void *device, struct vhost_backend **ret)
{
	struct vhost_backend *backend;
	int r;

	if (impl->queues > VHOST_QUEUES_MAX || impl->config_size > VHOST_CONFIG_MAX)
		return -EINVAL;
	backend = calloc(1, sizeof(*backend));
	if (backend == NULL)
		return -ENOMEM;
	backend->requests.socket = -1;
	vhost_rings_init(&backend->rings, loop, impl, device);
	r = vhost_channel_init(&backend->channel, socket);
	if (r == 0)
		r = loop_add(loop, &backend->watch, socket, EPOLLIN, receive);
	if (r < 0) {
		free(backend);
		return r;
	}
	*ret = backend;
	return 0;
}

void vhost_backend_destroy(struct vhost_backend *backend)
{
	if (backend == NULL)
		return;
	loop_remove(&backend->watch);
	vhost_rings_finish(&backend->rings);
	vhost_channel_finish(&backend->requests);
	vhost_channel_finish(&backend->channel);
	free(backend);
}

struct virtq *vhost_backend_queue(struct vhost_backend *backend, unsigned index)
{
	struct vhost_ring *ring = vhost_rings_live(&backend->rings, index);

	return ring == NULL ? NULL : &ring->queue;
}

void vhost_backend_signal(struct vhost_backend *backend, unsigned index)
{
	struct vhost_ring *ring = vhost_rings_live(&backend->rings, index);

	if (ring != NULL)
		vhost_ring_signal(ring);
}

void vhost_backend_resume(struct vhost_backend *backend, unsigned index)
{
	struct vhost_ring *ring = vhost_rings_live(&backend->rings, index);

	if (ring != NULL)
		vhost_rings_serve(ring);
}

int vhost_backend_config_changed(struct vhost_backend *backend)
{
	const struct vhost_message message = { .request = VHOST_BACKEND_CONFIG_CHANGE };

	if (backend->requests.socket < 0)
		return -ENOTCONN;
	return vhost_channel_send(&backend->requests, &message, VHOST_PAYLOAD_NONE, NULL, 0);
}
