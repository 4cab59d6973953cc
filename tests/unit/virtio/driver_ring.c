#include "tests/unit/virtio/driver_ring.h"

#include <assert.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <string.h>

#include "virtio/queue.h"
#include "vm/guestmem.h"

static _Atomic uint16_t *word(const struct driver_ring *ring, uint64_t gpa)
{
	_Atomic uint16_t *at = guestmem_at(ring->mem, gpa, sizeof(*at));

	assert(at != NULL);
	return at;
}

static uint64_t avail_entry(const struct driver_ring *ring, uint16_t index)
{
	return ring->avail + 4 + 2 * (uint64_t)(index & (ring->size - 1));
}

static uint64_t used_entry(const struct driver_ring *ring, uint16_t index)
{
	return ring->used + 4 + sizeof(struct vring_used_elem) * (index & (ring->size - 1U));
}

uint64_t driver_ring_init(struct driver_ring *ring, const struct guestmem *mem, uint64_t gpa,
			  uint16_t size, bool event_idx)
{
	const struct virtq_bytes bytes = virtq_bytes(size);

	*ring = (struct driver_ring){
		.mem = mem,
		.size = size,
		.event_idx = event_idx,
		.desc = gpa,
		.avail = gpa + bytes.desc,
		.used = (gpa + bytes.desc + bytes.avail + 3) & ~UINT64_C(3),
	};
	memset(guestmem_at(mem, ring->desc, bytes.desc), 0, bytes.desc);
	memset(guestmem_at(mem, ring->avail, bytes.avail), 0, bytes.avail);
	memset(guestmem_at(mem, ring->used, bytes.used), 0, bytes.used);
	return (ring->used + bytes.used + 15) & ~UINT64_C(15);
}

struct virtq_config driver_ring_config(const struct driver_ring *ring)
{
	const struct virtq_bytes bytes = virtq_bytes(ring->size);

	return (struct virtq_config){
		.mem = ring->mem,
		.size = ring->size,
		.desc = guestmem_at(ring->mem, ring->desc, bytes.desc),
		.avail = guestmem_at(ring->mem, ring->avail, bytes.avail),
		.used = guestmem_at(ring->mem, ring->used, bytes.used),
		.event_idx = ring->event_idx,
		.indirect = true,
	};
}

void driver_ring_desc(const struct driver_ring *ring, uint64_t table, uint16_t index,
		      struct driver_buffer buffer, uint16_t flags, uint16_t next)
{
	const struct vring_desc desc = {
		.addr = buffer.gpa, .len = buffer.len, .flags = flags, .next = next
	};
	int r = guestmem_write(ring->mem, table + sizeof(desc) * index, &desc, sizeof(desc));

	assert(r == 0);
	(void)r;
}

void driver_ring_chain(const struct driver_ring *ring, uint64_t table, uint16_t first,
		       const struct driver_buffer *buffers, size_t readable, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t at = (uint16_t)(first + i);
		unsigned flags = (i >= readable ? VRING_DESC_F_WRITE : 0U) |
				 (i + 1 < count ? VRING_DESC_F_NEXT : 0U);

		driver_ring_desc(ring, table, at, buffers[i], (uint16_t)flags, (uint16_t)(at + 1));
	}
}

void driver_ring_offer(struct driver_ring *ring, uint16_t head)
{
	atomic_store_explicit(word(ring, avail_entry(ring, ring->avail_index)), head,
			      memory_order_relaxed);
	driver_ring_set_index(ring, (uint16_t)(ring->avail_index + 1));
}

void driver_ring_set_index(struct driver_ring *ring, uint16_t index)
{
	ring->avail_index = index;
	atomic_store_explicit(word(ring, ring->avail + 2), index, memory_order_release);
}

void driver_ring_set_flags(const struct driver_ring *ring, uint16_t flags)
{
	atomic_store_explicit(word(ring, ring->avail), flags, memory_order_release);
}

bool driver_ring_needs_kick(struct driver_ring *ring)
{
	uint16_t old = ring->kicked, event;

	ring->kicked = ring->avail_index;
	atomic_thread_fence(memory_order_seq_cst);
	if (!ring->event_idx)
		return (*word(ring, ring->used) & VRING_USED_F_NO_NOTIFY) == 0;
	event = *word(ring, used_entry(ring, 0) + sizeof(struct vring_used_elem) * ring->size);
	return vring_need_event(event, ring->avail_index, old);
}

bool driver_ring_take(struct driver_ring *ring, uint32_t *ret_head, uint32_t *ret_written)
{
	struct vring_used_elem entry;
	uint16_t index = atomic_load_explicit(word(ring, ring->used + 2), memory_order_acquire);

	if (index == ring->used_seen)
		return false;
	if (guestmem_read(ring->mem, used_entry(ring, ring->used_seen), &entry, sizeof(entry)) < 0)
		return false;
	ring->used_seen++;
	*ret_head = entry.id;
	*ret_written = entry.len;
	return true;
}

bool driver_ring_is_empty(const struct driver_ring *ring)
{
	return atomic_load_explicit(word(ring, ring->used + 2), memory_order_acquire) ==
	       ring->used_seen;
}

void driver_ring_want_interrupt(struct driver_ring *ring, uint16_t after)
{
	*word(ring, ring->avail + 4 + 2 * (uint64_t)ring->size) =
		(uint16_t)(ring->avail_index - 1 - after);
}
