/*
 * Serving a kick: suppress kicks, let the device take all chains, interrupt the
 * driver once if it wants it, ask for kicks again and look once more. A driver
 * that fills the queue as fast as it is drained does not starve the others on
 * the loop: after SERVE_ROUNDS the ring kicks itself and waits for its turn.
 */
#include "vhost/rings.h"

#include <linux/virtio_ring.h>

#include "base/check.h"

enum { SERVE_ROUNDS = 16 };

void vhost_rings_init(struct vhost_rings *rings, struct loop *loop,
		      const struct vhost_device_impl *impl, void *device)
{
	*rings = (struct vhost_rings){ .loop = loop, .impl = impl, .device = device };
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++)
		vhost_ring_init(&rings->ring[i], rings, i);
}

void vhost_rings_finish(struct vhost_rings *rings)
{
	vhost_rings_stop_all(rings);
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++)
		vhost_ring_clear(&rings->ring[i]);
	vhost_inflight_finish(&rings->inflight);
	guestmem_finish(&rings->mem);
}

static void broken(struct vhost_ring *ring)
{
	const struct vhost_rings *rings = ring->rings;

	vhost_ring_break(ring);
	if (rings->impl->broken != NULL)
		rings->impl->broken(rings->device, ring->index, ring->queue.broken);
}

void vhost_rings_serve(struct vhost_ring *ring)
{
	const struct vhost_rings *rings = ring->rings;
	struct virtq *queue = &ring->queue;

	for (unsigned round = 0; round < SERVE_ROUNDS; round++) {
		uint16_t before = virtq_taken(queue);
		bool is_full, more;

		(void)virtq_set_kicks(queue, false);
		rings->impl->kicked(rings->device, ring->index, queue);
		vhost_ring_signal(ring);
		if (virtq_is_broken(queue)) {
			broken(ring);
			return;
		}
		/* An empty queue may fill while kicks are off; a full device leaves what it saw. */
		is_full = virtq_taken(queue) == before && virtq_has_more(queue);
		more = virtq_set_kicks(queue, true);
		if (!more || is_full)
			return;
	}
	vhost_ring_kick_again(ring);
}

static void kicked(struct loop_watch *watch, uint32_t events)
{
	struct vhost_ring *ring = container_of(watch, struct vhost_ring, watch);

	(void)events;
	if (vhost_ring_take_kick(ring))
		vhost_rings_serve(ring);
	else
		loop_remove(&ring->watch);
}

/*
 * A ring that is larger than the frontend made the area for is served without a
 * record: QEMU makes it for the size it was started with, and lets a guest on
 * virtio-mmio take a larger one. It never gives such a ring to a second backend.
 */
static bool lacks_record(const struct vhost_ring *ring, const struct virtq_inflight *record)
{
	const struct vhost_inflight *area = &ring->rings->inflight;

	return area->mapping != NULL && record == NULL && ring->size <= area->queue_size;
}

/* What already waits in the ring is served by a kick of our own. */
int vhost_rings_start(struct vhost_ring *ring)
{
	const struct vhost_rings *rings = ring->rings;
	const struct vhost_ring_config config = {
		.loop = rings->loop,
		.mem = &rings->mem,
		.event_idx = (rings->features & (1U << VIRTIO_RING_F_EVENT_IDX)) != 0,
		.indirect = (rings->features & (1U << VIRTIO_RING_F_INDIRECT_DESC)) != 0,
		.inflight = vhost_inflight_at(&rings->inflight, ring->index, ring->size),
		.kicked = kicked,
	};
	int r;

	if (!vhost_ring_is_ready(ring))
		return 0;
	if (lacks_record(ring, config.inflight))
		return -EINVAL;
	r = vhost_ring_start(ring, &config);
	if (r < 0)
		return r;
	if (rings->impl->queue_started != NULL)
		rings->impl->queue_started(rings->device, ring->index, &ring->queue);
	vhost_ring_kick_again(ring);
	return 0;
}

int vhost_rings_start_all(struct vhost_rings *rings)
{
	int r = 0;

	for (unsigned i = 0; i < rings->impl->queues && r == 0; i++)
		r = vhost_rings_start(&rings->ring[i]);
	return r;
}

void vhost_rings_stop(struct vhost_ring *ring)
{
	const struct vhost_rings *rings = ring->rings;

	if (!ring->running)
		return;
	if (rings->impl->queue_stopped != NULL)
		rings->impl->queue_stopped(rings->device, ring->index);
	vhost_ring_stop(ring);
}

void vhost_rings_stop_all(struct vhost_rings *rings)
{
	for (unsigned i = 0; i < rings->impl->queues; i++)
		vhost_rings_stop(&rings->ring[i]);
}

struct vhost_ring *vhost_rings_at(struct vhost_rings *rings, uint64_t index)
{
	return index < rings->impl->queues ? &rings->ring[index] : NULL;
}

struct vhost_ring *vhost_rings_live(struct vhost_rings *rings, uint64_t index)
{
	struct vhost_ring *ring = vhost_rings_at(rings, index);

	return ring != NULL && ring->running && !virtq_is_broken(&ring->queue) ? ring : NULL;
}
