/*
 * Receive buffers are taken from the guest when frames are to be sent and wait
 * in `room`, oldest first; what a frame does not use stays for the next one.
 * Each begins with room for a header (with one-buffer frames all do; with
 * mergeable buffers the first of a frame), so a frame goes behind
 * HEADER_SIZE bytes of its first room and from the start of its others.
 *
 * Rooms, their parts and the frames that are being made are three queues in
 * rings: frames own the oldest rooms, rooms own the parts, each in order.
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
	ROOMS_MAX = 1024, /* a power of two, as are the next two */
	PARTS_MAX = 1024,
	FRAMES_MAX = 64,
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
	uint16_t parts;
	uint32_t size; /* bytes of all parts; a chain has no more, virtio 1.2 §2.7.5.2 */
};

/* The used stretch of a ring, whose size is a power of two. */
struct span {
	uint32_t first, count;
};

struct device {
	struct device_config config;
	struct vhost_backend *backend;
	uint64_t features; /* what the driver accepted */
	struct room room[ROOMS_MAX];
	struct iovec part[PARTS_MAX];
	uint16_t frame[FRAMES_MAX]; /* rooms that each frame being made may use */
	struct span rooms, parts, frames;
	uint32_t given_rooms, given_parts; /* of all rooms and parts, those of these frames */
	struct virtq_chain given;	   /* a receive buffer that is being looked at */
	struct virtq_chain taken; /* a frame: the answer to it needs receive buffers meanwhile */
};

static bool has(const struct device *device, unsigned feature)
{
	return (device->features & FEATURE(feature)) != 0;
}

static struct room *room_at(struct device *device, uint32_t index)
{
	return &device->room[(device->rooms.first + index) % ROOMS_MAX];
}

static struct iovec *part_at(struct device *device, uint32_t index)
{
	return &device->part[(device->parts.first + index) % PARTS_MAX];
}

static void pass(struct span *span, uint32_t count)
{
	span->first += count;
	span->count -= count;
}

static bool has_place(const struct device *device)
{
	return device->rooms.count < ROOMS_MAX && device->parts.count <= PARTS_MAX - ROOM_PARTS;
}

/* Takes one more buffer; false when there is none, and then the guest kicks for new ones. */
static bool take_room(struct device *device, struct virtq *queue)
{
	const struct virtq_chain *chain = &device->given;

	while (has_place(device)) {
		struct room *room = room_at(device, device->rooms.count);
		int r = virtq_pop(queue, &device->given);

		if (r < 0 || (r == 0 && !virtq_set_kicks(queue, true)))
			return false;
		if (r == 0)
			continue;
		*room = (struct room){ .head = chain->head };
		for (unsigned i = chain->readable; i < chain->count && room->parts < ROOM_PARTS;
		     i++) {
			room->size += (uint32_t)chain->vec[i].iov_len;
			*part_at(device, device->parts.count + room->parts++) = chain->vec[i];
		}
		if (room->size > HEADER_SIZE) {
			device->rooms.count++;
			device->parts.count += room->parts;
			return true;
		}
		virtq_push(queue, room->head, 0);
	}
	return false;
}

/* The parts from index `first` on to `end`, behind the header; their bytes are at most len. */
static int list_parts(struct device *device, uint32_t first, uint32_t end, size_t len,
		      struct iovec *ret, int max)
{
	size_t skip = HEADER_SIZE;
	int count = 0;

	for (uint32_t i = first; i < end && len > 0 && count < max; i++) {
		const struct iovec *part = part_at(device, i);
		size_t passed = min_of(skip, part->iov_len);
		size_t n = min_of(part->iov_len - passed, len);

		skip -= passed;
		if (n == 0)
			continue;
		ret[count++] = (struct iovec){ .iov_base = (uint8_t *)part->iov_base + passed,
					       .iov_len = n };
		len -= n;
	}
	return count;
}

int device_reserve(struct device *device, size_t len, struct iovec *ret, int max)
{
	struct virtq *queue = vhost_backend_queue(device->backend, QUEUE_RX);
	size_t limit = has(device, VIRTIO_NET_F_MRG_RXBUF) ? UINT16_MAX : 1, size = 0;
	uint32_t rooms = device->given_rooms, parts = device->given_parts;

	if (queue == NULL || device->frames.count == FRAMES_MAX)
		return 0;
	while (size < HEADER_SIZE + len && rooms - device->given_rooms < limit &&
	       (rooms < device->rooms.count || take_room(device, queue))) {
		size += room_at(device, rooms)->size;
		parts += room_at(device, rooms++)->parts;
	}
	if (size <= HEADER_SIZE)
		return 0;
	len = (size_t)list_parts(device, device->given_parts, parts, len, ret, max);
	device->frame[(device->frames.first + device->frames.count++) % FRAMES_MAX] =
		(uint16_t)(rooms - device->given_rooms);
	device->given_rooms = rooms;
	device->given_parts = parts;
	return (int)len;
}

static uint8_t gso_type(const struct net_offload *offload)
{
	if (offload->segment == 0)
		return VIRTIO_NET_HDR_GSO_NONE;
	return offload->is_v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
}

/* To the start of the oldest room, which holds as much. */
static void put_header(struct device *device, const struct virtio_net_hdr_v1 *header)
{
	const uint8_t *from = (const uint8_t *)header;
	size_t left = sizeof(*header);

	for (uint32_t i = 0; left > 0; i++) {
		size_t n = min_of(part_at(device, i)->iov_len, left);

		memcpy(part_at(device, i)->iov_base, from, n);
		from += n;
		left -= n;
	}
}

/* virtio 1.2 §5.1.6.4.1. Fields are little-endian. */
static void write_header(struct device *device, const struct net_offload *offload, unsigned rooms)
{
	struct virtio_net_hdr_v1 header = { .gso_type = gso_type(offload) };

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
	put_header(device, &header);
}

/* The oldest frame is done: what it had and did not use is free for the next. */
static uint32_t end_frame(struct device *device)
{
	uint32_t rooms = device->frame[device->frames.first % FRAMES_MAX];

	pass(&device->frames, 1);
	for (uint32_t i = 0; i < rooms; i++)
		device->given_parts -= room_at(device, i)->parts;
	device->given_rooms -= rooms;
	return rooms;
}

static void drop_rooms(struct device *device, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		pass(&device->parts, room_at(device, i)->parts);
	pass(&device->rooms, count);
}

void device_send(struct device *device, size_t len, const struct net_offload *offload)
{
	struct virtq *queue = vhost_backend_queue(device->backend, QUEUE_RX);
	struct virtq_used filled[ROOMS_MAX];
	size_t left = HEADER_SIZE + len;
	uint32_t used = 0, most;

	if (device->frames.count == 0)
		return;
	most = end_frame(device);
	if (len == 0 || queue == NULL)
		return;
	for (; left > 0 && used < most; used++) {
		uint32_t n = (uint32_t)min_of(left, (size_t)room_at(device, used)->size);

		filled[used] = (struct virtq_used){ room_at(device, used)->head, n };
		left -= n;
	}
	write_header(device, offload, used);
	virtq_push_all(queue, filled, used);
	drop_rooms(device, used);
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
	struct virtq_used taken[TX_BURST];
	size_t count = 0;

	while (count < TX_BURST && virtq_pop(queue, &device->taken) > 0) {
		take_frame(device, now_ms);
		taken[count++] = (struct virtq_used){ .head = device->taken.head };
	}
	net_stack_flush(device->config.stack, now_ms);
	virtq_push_all(queue, taken, count);
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
	for (uint32_t i = 0; queue != NULL && i < device->rooms.count; i++)
		virtq_push(queue, room_at(device, i)->head, 0);
	device->rooms = device->parts = device->frames = (struct span){ 0 };
	device->given_rooms = device->given_parts = 0;
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
