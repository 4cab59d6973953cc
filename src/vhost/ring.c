#include "vhost/ring.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "vm/guestmem.h"

void vhost_ring_init(struct vhost_ring *ring, struct vhost_rings *rings, unsigned index)
{
	*ring = (struct vhost_ring){
		.rings = rings,
		.index = index,
		.kick = -1,
		.call = -1,
		.error = -1,
		.watch.fd = -1,
	};
}

int vhost_ring_set_fd(int *place, int fd)
{
	if (*place >= 0)
		(void)close(*place);
	*place = fd;
	return fd < 0 ? 0 : fd_set_nonblock(fd, true);
}

void vhost_ring_clear(struct vhost_ring *ring)
{
	vhost_ring_stop(ring);
	(void)vhost_ring_set_fd(&ring->kick, -1);
	(void)vhost_ring_set_fd(&ring->call, -1);
	(void)vhost_ring_set_fd(&ring->error, -1);
	vhost_ring_init(ring, ring->rings, ring->index);
}

bool vhost_ring_is_ready(const struct vhost_ring *ring)
{
	return !ring->running && ring->enabled && ring->addressed && ring->size != 0 &&
	       ring->kick >= 0;
}

/* A part of the ring in our memory, or NULL when it is not all there or not aligned. */
static void *part(const struct guestmem *mem, uint64_t uaddr, size_t bytes, size_t align)
{
	void *host = guestmem_at_uaddr(mem, uaddr, bytes);

	return (uintptr_t)host % align == 0 ? host : NULL;
}

int vhost_ring_start(struct vhost_ring *ring, const struct vhost_ring_config *config)
{
	const struct virtq_bytes bytes = virtq_bytes(ring->size);
	const struct virtq_config queue = {
		.mem = config->mem,
		.size = ring->size,
		.desc = part(config->mem, ring->address.desc, bytes.desc, 16),
		.avail = part(config->mem, ring->address.avail, bytes.avail, 2),
		.used = part(config->mem, ring->address.used, bytes.used, 4),
		.last_avail = ring->base,
		.event_idx = config->event_idx,
		.indirect = config->indirect,
		.inflight = config->inflight,
	};
	int r;

	if (queue.desc == NULL || queue.avail == NULL || queue.used == NULL)
		return -EFAULT;
	r = loop_add(config->loop, &ring->watch, ring->kick, EPOLLIN, config->kicked);
	if (r < 0)
		return r;
	virtq_init(&ring->queue, &queue);
	ring->running = true;
	return 0;
}

void vhost_ring_stop(struct vhost_ring *ring)
{
	if (!ring->running)
		return;
	loop_remove(&ring->watch);
	ring->base = ring->queue.last_avail;
	ring->running = false;
}

bool vhost_ring_take_kick(struct vhost_ring *ring)
{
	uint64_t count;
	ssize_t n = read(ring->kick, &count, sizeof(count));

	return n == sizeof(count) || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* A full counter already says what we want to say. */
static void notify(int eventfd)
{
	uint64_t one = 1;

	if (eventfd >= 0 && write(eventfd, &one, sizeof(one)) < 0)
		return;
}

void vhost_ring_kick_again(const struct vhost_ring *ring)
{
	notify(ring->kick);
}

void vhost_ring_signal(struct vhost_ring *ring)
{
	if (virtq_wants_interrupt(&ring->queue))
		notify(ring->call);
}

void vhost_ring_break(struct vhost_ring *ring)
{
	loop_remove(&ring->watch);
	notify(ring->error);
}
