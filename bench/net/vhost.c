#include <err.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "bench/net/link.h"
#include "tests/unit/virtio/driver_ring.h"
#include "vhost/frontend.h"
#include "vm/guestmem.h"

enum {
	RX = 0,
	TX = 1,
	QUEUES = 2,
	RING = 1024,
	RX_BUFFER = 4096, /* as Linux chooses with mergeable buffers: a page */
	TX_SLOTS = 256,
	TX_SLOT = 68 * 1024,
	RX_AT = 1 << 20,
	TX_AT = RX_AT + RING * RX_BUFFER,
	MEMORY = TX_AT + TX_SLOTS * TX_SLOT,
	HEADER = sizeof(struct virtio_net_hdr_v1),
	TCP_AT = 34,
	CHECKSUM_AT = 16,
};

struct vhost_link {
	struct link link;
	struct vhost_frontend *frontend;
	struct guestmem mem;
	struct driver_ring ring[QUEUES];
	int kick[QUEUES], call[QUEUES];
	uint16_t slots[TX_SLOTS]; /* free ones */
	unsigned slots_count;
	uint16_t held[64]; /* receive buffers of the frame being looked at */
	unsigned held_count;
	struct err err;
};

static struct vhost_link *vhost(struct link *link)
{
	return container_of(link, struct vhost_link, link);
}

static uint64_t slot_at(uint16_t slot)
{
	return TX_AT + (uint64_t)slot * TX_SLOT;
}

static void ring_bell(struct vhost_link *link, unsigned queue)
{
	if (driver_ring_needs_kick(&link->ring[queue]))
		(void)eventfd_write(link->kick[queue], 1);
}

static void reclaim(struct vhost_link *link)
{
	uint32_t head, written;

	while (driver_ring_take(&link->ring[TX], &head, &written)) {
		if (head >= TX_SLOTS || link->slots_count == TX_SLOTS)
			errx(1, "the backend gave buffer %u back, which it did not have", head);
		link->slots[link->slots_count++] = (uint16_t)head;
	}
}

static uint8_t *vhost_frame(struct link *base)
{
	struct vhost_link *link = vhost(base);

	if (link->slots_count == 0)
		reclaim(link);
	if (link->slots_count == 0)
		return NULL;
	return (uint8_t *)guestmem_at(&link->mem, slot_at(link->slots[link->slots_count - 1]),
				      TX_SLOT) +
	       HEADER;
}

static void vhost_send(struct link *base, size_t len, uint16_t segment)
{
	struct vhost_link *link = vhost(base);
	uint16_t slot = link->slots[--link->slots_count];
	struct driver_buffer part = { slot_at(slot), (uint32_t)(HEADER + len) };
	struct virtio_net_hdr_v1 header = { .gso_size = segment };

	if (base->has_checksum && len >= TCP_AT + 20) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = TCP_AT;
		header.csum_offset = CHECKSUM_AT;
	}
	if (segment != 0) {
		header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		header.hdr_len = TCP_AT + 20;
	}
	memcpy(guestmem_at(&link->mem, part.gpa, HEADER), &header, HEADER);
	driver_ring_chain(&link->ring[TX], link->ring[TX].desc, slot, &part, 1, 1);
	driver_ring_offer(&link->ring[TX], slot);
}

static void vhost_flush(struct link *base)
{
	ring_bell(vhost(base), TX);
	ring_bell(vhost(base), RX);
}

static void offer(struct vhost_link *link, uint16_t index)
{
	struct driver_buffer room = { RX_AT + (uint64_t)index * RX_BUFFER, RX_BUFFER };

	driver_ring_chain(&link->ring[RX], link->ring[RX].desc, index, &room, 0, 1);
	driver_ring_offer(&link->ring[RX], index);
}

static const uint8_t *vhost_receive(struct link *base, size_t *ret_len)
{
	struct vhost_link *link = vhost(base);
	struct virtio_net_hdr_v1 header;
	const uint8_t *first;
	uint32_t head, written;

	while (link->held_count > 0)
		offer(link, link->held[--link->held_count]);
	if (!driver_ring_take(&link->ring[RX], &head, &written))
		return NULL;
	first = guestmem_at(&link->mem, RX_AT + (uint64_t)head * RX_BUFFER, RX_BUFFER);
	memcpy(&header, first, sizeof(header));
	link->held[link->held_count++] = (uint16_t)head;
	*ret_len = written - HEADER;
	for (unsigned i = 1; i < header.num_buffers; i++) {
		if (link->held_count == countof(link->held) ||
		    !driver_ring_take(&link->ring[RX], &head, &written))
			errx(1, "a frame of %u buffers came in parts", header.num_buffers);
		link->held[link->held_count++] = (uint16_t)head;
		*ret_len += written;
	}
	return first + HEADER;
}

static bool vhost_wait(struct link *base, int timeout_ms)
{
	struct vhost_link *link = vhost(base);
	struct pollfd fds[] = { { .fd = link->call[RX], .events = POLLIN },
				{ .fd = link->call[TX], .events = POLLIN },
				{ .fd = vhost_frontend_socket(link->frontend) } };
	eventfd_t count;

	driver_ring_want_interrupt(&link->ring[RX], (uint16_t)(RING - 1 - link->held_count));
	driver_ring_want_interrupt(&link->ring[TX],
				   (uint16_t)(link->slots_count == 0 ? TX_SLOTS - 1 : 0));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (driver_ring_is_empty(&link->ring[RX]) &&
	    (link->slots_count > 0 || driver_ring_is_empty(&link->ring[TX])))
		(void)poll(fds, countof(fds), timeout_ms);
	(void)eventfd_read(link->call[RX], &count);
	(void)eventfd_read(link->call[TX], &count);
	return fds[2].revents == 0;
}

static const struct link_impl impl = {
	.frame = vhost_frame,
	.send = vhost_send,
	.flush = vhost_flush,
	.receive = vhost_receive,
	.wait = vhost_wait,
};

static int share_memory(struct vhost_link *link)
{
	struct vhost_frontend_region region = { .size = MEMORY };

	region.fd = memfd_create("guest", MFD_CLOEXEC);
	if (region.fd < 0 || ftruncate(region.fd, MEMORY) < 0)
		return -errno;
	if (guestmem_map(&link->mem, 0, MEMORY, 0, region.fd, 0) < 0)
		return -ENOMEM;
	return vhost_frontend_set_memory(link->frontend, &region, 1, &link->err);
}

static int start_queue(struct vhost_link *link, unsigned index, uint64_t gpa, bool event_idx)
{
	const struct driver_ring *ring = &link->ring[index];
	struct vhost_frontend_queue queue = { .size = RING };

	(void)driver_ring_init(&link->ring[index], &link->mem, gpa, RING, event_idx);
	queue.desc = ring->desc;
	queue.avail = ring->avail;
	queue.used = ring->used;
	queue.kick = link->kick[index] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue.call = link->call[index] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (uint16_t i = 0; index == RX && i < RING; i++)
		offer(link, i);
	return vhost_frontend_start_queue(link->frontend, index, &queue, &link->err);
}

static int negotiate(struct vhost_link *link, uint64_t *ret)
{
	const uint64_t wanted =
		UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX |
		UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF | UINT64_C(1) << VIRTIO_NET_F_CSUM |
		UINT64_C(1) << VIRTIO_NET_F_GUEST_CSUM | UINT64_C(1) << VIRTIO_NET_F_HOST_TSO4 |
		UINT64_C(1) << VIRTIO_NET_F_GUEST_TSO4;

	*ret = vhost_frontend_features(link->frontend) & wanted;
	link->link.has_checksum = (*ret & UINT64_C(1) << VIRTIO_NET_F_CSUM) != 0;
	link->link.has_tso = (*ret & UINT64_C(1) << VIRTIO_NET_F_HOST_TSO4) != 0;
	return vhost_frontend_set_features(link->frontend, *ret, &link->err);
}

/* The path of a socket, or the number of a descriptor that is connected. */
static int open_socket(const char *path)
{
	char *end;
	int fd = (int)strtoul(path, &end, 10);

	if (*end != '\0' && fd_connect_unix(path, &fd) < 0)
		errx(1, "no backend at %s", path);
	return fd;
}

struct link *link_vhost(const char *path)
{
	struct vhost_link *link = calloc(1, sizeof(*link));
	struct vhost_frontend_config config = { .name = "network" };
	uint64_t features = 0;
	int r;

	if (link == NULL)
		err(1, "no memory");
	config.socket = open_socket(path);
	link->link = (struct link){ .impl = &impl, .mtu = 65520 };
	r = vhost_frontend_create(&config, &link->frontend, &link->err);
	if (r == 0)
		r = negotiate(link, &features);
	if (r == 0)
		r = share_memory(link);
	for (unsigned i = 0; r == 0 && i < QUEUES; i++)
		r = start_queue(link, i, i * (RX_AT / QUEUES),
				(features & UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX) != 0);
	if (r < 0)
		errx(1, "%s: %s", path, link->err.text);
	for (uint16_t i = 0; i < TX_SLOTS; i++)
		link->slots[link->slots_count++] = i;
	return &link->link;
}
