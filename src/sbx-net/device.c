/*
 * Receive buffers are taken from the guest when a frame is to be sent and wait
 * in `room`, oldest first; what a frame does not use stays for the next one.
 * Each begins with room for a header (with one-buffer frames all do; with
 * mergeable buffers the first of a frame), so a frame goes behind
 * HEADER_SIZE bytes of the first room and from the start of the others.
 */
#include "sbx-net/device.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "app/log.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/iov.h"
#include "net/link.h"
#include "net/stack.h"
#include "vhost/backend.h"
#include "virtio/queue.h"

#define FEATURE(bit) (UINT64_C(1) << (bit))

/* virtio 1.2 §5.1.2, the driver's view: RX is what we fill. */
enum { QUEUE_RX, QUEUE_TX, QUEUES };

enum {
	HEADER_SIZE = sizeof(struct virtio_net_hdr_v1),
	CONFIG_SIZE = 12, /* up to and with mtu */
	ROOMS_MAX = 128,
	ROOM_PARTS = 20, /* of one buffer: as many as a page-sized list for a large frame */
	TX_BURST = 256,	 /* frames taken before the stack answers them */
	ETHERNET = 14,
	IP4_HEADER = 20,
	IP6_HEADER = 40,
	TCP_CHECKSUM_AT = 16,
};

/* A receive buffer of the guest that waits to be filled. */
struct room {
	uint16_t head;
	uint16_t count; /* parts */
	size_t size;	/* bytes of all parts */
	struct iovec part[ROOM_PARTS];
};

struct device {
	struct device_config config;
	struct vhost_backend *backend;
	uint64_t features; /* what the driver accepted */
	struct room room[ROOMS_MAX];
	size_t rooms;
	size_t reserved;	  /* rooms that the frame being made may use */
	struct virtq_chain given; /* a receive buffer that is being looked at */
	struct virtq_chain taken; /* a frame: the answer to it needs receive buffers meanwhile */
};

static bool has(const struct device *device, unsigned feature)
{
	return (device->features & FEATURE(feature)) != 0;
}

/* Takes one more buffer; false when there is none, and then the guest kicks for new ones. */
static bool take_room(struct device *device, struct virtq *queue)
{
	const struct virtq_chain *chain = &device->given;
	struct room *room = &device->room[device->rooms];

	while (device->rooms < ROOMS_MAX) {
		int r = virtq_pop(queue, &device->given);

		if (r < 0 || (r == 0 && !virtq_set_kicks(queue, true)))
			return false;
		if (r == 0)
			continue;
		*room = (struct room){ .head = chain->head };
		for (unsigned i = chain->readable; i < chain->count && room->count < ROOM_PARTS;
		     i++) {
			room->size += chain->vec[i].iov_len;
			room->part[room->count++] = chain->vec[i];
		}
		if (room->size > HEADER_SIZE) {
			device->rooms++;
			return true;
		}
		virtq_push(queue, room->head, 0);
	}
	return false;
}

/* The parts of the rooms behind the header; their bytes are at most len. */
static int list_parts(const struct device *device, size_t len, struct iovec *ret, int max)
{
	size_t skip = HEADER_SIZE;
	int count = 0;

	for (size_t i = 0; i < device->reserved; i++) {
		const struct room *room = &device->room[i];

		for (unsigned j = 0; j < room->count && len > 0 && count < max; j++) {
			size_t passed = min_of(skip, room->part[j].iov_len);
			size_t n = min_of(room->part[j].iov_len - passed, len);

			skip -= passed;
			if (n == 0)
				continue;
			ret[count++] = (struct iovec){
				.iov_base = (uint8_t *)room->part[j].iov_base + passed, .iov_len = n
			};
			len -= n;
		}
	}
	return count;
}

int device_reserve(struct device *device, size_t len, struct iovec *ret, int max)
{
	struct virtq *queue = vhost_backend_queue(device->backend, QUEUE_RX);
	size_t limit = has(device, VIRTIO_NET_F_MRG_RXBUF) ? ROOMS_MAX : 1, size = 0;

	device->reserved = 0;
	if (queue == NULL)
		return 0;
	while (size < HEADER_SIZE + len && device->reserved < limit) {
		if (device->reserved == device->rooms && !take_room(device, queue))
			break;
		size += device->room[device->reserved++].size;
	}
	return list_parts(device, len, ret, max);
}

static uint8_t gso_type(const struct net_offload *offload)
{
	if (offload->segment == 0)
		return VIRTIO_NET_HDR_GSO_NONE;
	return offload->is_v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
}

/* virtio 1.2 §5.1.6.4.1. Fields are little-endian. */
static void write_header(struct device *device, const struct net_offload *offload, unsigned rooms)
{
	struct virtio_net_hdr_v1 header = { .gso_type = gso_type(offload) };
	struct iov first = iov_make(device->room[0].part, device->room[0].count);

	if (offload->checksum) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = htole16(ETHERNET + (offload->is_v6 ? IP6_HEADER : IP4_HEADER));
		header.csum_offset = htole16(TCP_CHECKSUM_AT);
	} else if (has(device, VIRTIO_NET_F_GUEST_CSUM)) {
		header.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (offload->segment > 0) {
		header.gso_size = htole16(offload->segment);
		header.hdr_len = htole16(offload->header_len);
	}
	header.num_buffers = htole16((uint16_t)rooms);
	(void)iov_write(&first, &header, sizeof(header));
}

static void drop_rooms(struct device *device, size_t count)
{
	device->rooms -= count;
	memmove(device->room, device->room + count, device->rooms * sizeof(device->room[0]));
}

void device_send(struct device *device, size_t len, const struct net_offload *offload)
{
	struct virtq *queue = vhost_backend_queue(device->backend, QUEUE_RX);
	size_t left = HEADER_SIZE + len, used = 0, size = 0;
	struct virtq_used filled[ROOMS_MAX];

	if (len == 0 || queue == NULL)
		return;
	while (size < left && used < device->reserved)
		size += device->room[used++].size;
	write_header(device, offload, (unsigned)used);
	for (size_t i = 0; i < used; i++) {
		size_t n = min_of(left, device->room[i].size);

		filled[i] = (struct virtq_used){ device->room[i].head, (uint32_t)n };
		left -= n;
	}
	virtq_push_all(queue, filled, used);
	drop_rooms(device, used);
	device->reserved = 0;
}

void device_signal(struct device *device)
{
	vhost_backend_signal(device->backend, QUEUE_RX);
}

/* -EPROTO: what was not negotiated, or makes no sense. */
static int read_offload(const struct device *device, const struct virtio_net_hdr_v1 *header,
			struct net_offload *ret)
{
	unsigned type = header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;

	*ret = (struct net_offload){ .checksum =
					     (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 };
	if (ret->checksum && !has(device, VIRTIO_NET_F_CSUM))
		return -EPROTO;
	if (type == VIRTIO_NET_HDR_GSO_NONE)
		return 0;
	ret->is_v6 = type == VIRTIO_NET_HDR_GSO_TCPV6;
	ret->segment = le16toh(header->gso_size);
	ret->header_len = le16toh(header->hdr_len);
	if (!ret->is_v6 && type != VIRTIO_NET_HDR_GSO_TCPV4)
		return -EPROTO;
	if (!has(device, ret->is_v6 ? VIRTIO_NET_F_HOST_TSO6 : VIRTIO_NET_F_HOST_TSO4))
		return -EPROTO;
	return ret->segment == 0 || !ret->checksum ? -EPROTO : 0;
}

/* The chain's parts without the header go to the stack. */
static void take_frame(struct device *device, uint64_t now_ms)
{
	struct virtq_chain *chain = &device->taken;
	struct iov parts = iov_make(chain->vec, chain->readable);
	struct virtio_net_hdr_v1 header;
	struct net_offload offload;

	if (iov_read(&parts, &header, sizeof(header)) < 0 || parts.left == 0 ||
	    parts.left > NET_FRAME_MAX || read_offload(device, &header, &offload) < 0)
		return;
	while (parts.offset == chain->vec[parts.index].iov_len) {
		parts.index++;
		parts.offset = 0;
	}
	chain->vec[parts.index].iov_base =
		(uint8_t *)chain->vec[parts.index].iov_base + parts.offset;
	chain->vec[parts.index].iov_len -= parts.offset;
	net_stack_input(device->config.stack, &offload, chain->vec + parts.index,
			chain->readable - (int)parts.index, now_ms);
}

static void take_frames(struct device *device, struct virtq *queue)
{
	uint64_t now_ms = clock_now_ms();

	for (unsigned i = 0; i < TX_BURST && virtq_pop(queue, &device->taken) > 0; i++) {
		take_frame(device, now_ms);
		virtq_push(queue, device->taken.head, 0);
	}
	net_stack_flush(device->config.stack, now_ms);
	device->config.settled(device->config.owner);
}

static void kicked(void *data, unsigned index, struct virtq *queue)
{
	struct device *device = data;

	if (index == QUEUE_TX) {
		take_frames(device, queue);
	} else {
		/* Buffers are taken as frames need them; this one notice is all that is asked for.
		 */
		net_stack_link_ready(device->config.stack, clock_now_ms());
		device->config.settled(device->config.owner);
	}
}

static void config_read(void *data, uint8_t *config)
{
	(void)data;
	memcpy(config, LINK_GUEST_MAC, 6);
	le16_store(config + 6, VIRTIO_NET_S_LINK_UP);
	le16_store(config + 8, 1);
	le16_store(config + 10, NET_MTU);
}

static void negotiated(void *data, uint64_t accepted)
{
	struct device *device = data;

	device->features = accepted;
	net_stack_guest_takes(device->config.stack, has(device, VIRTIO_NET_F_GUEST_CSUM),
			      has(device, VIRTIO_NET_F_GUEST_TSO4),
			      has(device, VIRTIO_NET_F_GUEST_TSO6));
}

/* The guest gets what it gave back empty, and drops it. */
static void queue_stopped(void *data, unsigned index)
{
	struct device *device = data;
	struct virtq *queue = vhost_backend_queue(device->backend, QUEUE_RX);

	if (index != QUEUE_RX)
		return;
	for (size_t i = 0; queue != NULL && i < device->rooms; i++)
		virtq_push(queue, device->room[i].head, 0);
	device->rooms = device->reserved = 0;
}

static void broken(void *data, unsigned index, const char *rule)
{
	(void)data;
	log_warning("the guest broke a rule of network queue %u: %s", index, rule);
}

static void closed(void *data, const char *why)
{
	struct device *device = data;

	device->config.closed(device->config.owner, why);
}

static const struct vhost_device_impl device_impl = {
	.features = FEATURE(VIRTIO_NET_F_CSUM) | FEATURE(VIRTIO_NET_F_GUEST_CSUM) |
		    FEATURE(VIRTIO_NET_F_MTU) | FEATURE(VIRTIO_NET_F_MAC) |
		    FEATURE(VIRTIO_NET_F_GUEST_TSO4) | FEATURE(VIRTIO_NET_F_GUEST_TSO6) |
		    FEATURE(VIRTIO_NET_F_HOST_TSO4) | FEATURE(VIRTIO_NET_F_HOST_TSO6) |
		    FEATURE(VIRTIO_NET_F_MRG_RXBUF) | FEATURE(VIRTIO_NET_F_STATUS),
	.queues = QUEUES,
	.config_size = CONFIG_SIZE,
	.config_read = config_read,
	.negotiated = negotiated,
	.queue_stopped = queue_stopped,
	.kicked = kicked,
	.broken = broken,
	.closed = closed,
};

int device_create(const struct device_config *config, struct device **ret)
{
	struct device *device = calloc(1, sizeof(*device));
	int r;

	if (device == NULL)
		return -ENOMEM;
	device->config = *config;
	r = vhost_backend_create(config->loop, config->socket, &device_impl, device,
				 &device->backend);
	if (r < 0) {
		free(device);
		return r;
	}
	*ret = device;
	return 0;
}

void device_destroy(struct device *device)
{
	if (device == NULL)
		return;
	vhost_backend_destroy(device->backend);
	free(device);
}
