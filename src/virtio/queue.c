/*
 * Three arrays in guest memory: the descriptor table and the available ring,
 * which the driver writes and we read, and the used ring, which we write. All
 * may change under us at any moment, so each field is loaded once: indices
 * through C atomics, descriptors by a copy that is fenced against the compiler
 * fetching it again.
 *
 * Order between the two sides (virtio 1.2 §2.7.13, §2.7.14): an index is
 * loaded with acquire before the entries it covers, and stored with release
 * after them. "Do you want to hear of this?" needs more: both sides store, then
 * load what the other stored, so a full fence stands between.
 */
#include "virtio/queue.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "virtio/inflight.h"
#include "vm/guestmem.h"

/* Words of the two rings after their head of flags and index. */
enum { RING_FLAGS = 0, RING_INDEX = 1, RING_ENTRIES = 2 };

struct virtq_bytes virtq_bytes(uint16_t size)
{
	return (struct virtq_bytes){
		.desc = sizeof(struct vring_desc) * size,
		.avail = sizeof(uint16_t) * ((size_t)RING_ENTRIES + size + 1),
		.used = sizeof(uint16_t) * (RING_ENTRIES + 1) +
			sizeof(struct vring_used_elem) * size,
	};
}

static uint16_t load16(const uint16_t *from, memory_order order)
{
	return le16toh(atomic_load_explicit((const _Atomic uint16_t *)from, order));
}

static void store16(uint16_t *to, uint16_t value, memory_order order)
{
	atomic_store_explicit((_Atomic uint16_t *)to, htole16(value), order);
}

static uint16_t *avail_word(const struct virtq *queue, unsigned index)
{
	return (uint16_t *)queue->config.avail + index;
}

static uint16_t *used_word(const struct virtq *queue, unsigned index)
{
	return (uint16_t *)queue->config.used + index;
}

static struct vring_used_elem *used_entry(const struct virtq *queue, uint16_t index)
{
	struct vring_used_elem *entries = (void *)used_word(queue, RING_ENTRIES);

	return &entries[index & (queue->config.size - 1)];
}

/* The driver's wish, behind the available ring: interrupt me when used passes this. */
static uint16_t *used_event(const struct virtq *queue)
{
	return avail_word(queue, RING_ENTRIES + (unsigned)queue->config.size);
}

/* Our wish, behind the used ring: kick me when available passes this. */
static uint16_t *avail_event(const struct virtq *queue)
{
	const struct virtq_bytes bytes = virtq_bytes(queue->config.size);

	return used_word(queue, (unsigned)(bytes.used / sizeof(uint16_t)) - 1);
}

void virtq_init(struct virtq *queue, const struct virtq_config *config)
{
	*queue = (struct virtq){ .config = *config, .last_avail = config->last_avail };
	queue->used_index = load16(used_word(queue, RING_INDEX), memory_order_relaxed);
	queue->signalled = queue->used_index;
	if (config->inflight != NULL) {
		queue->resubmit = virtq_inflight_settle(config->inflight, config->size,
							queue->used_index, &queue->counter);
		queue->last_avail = (uint16_t)(queue->used_index + queue->resubmit);
	}
	queue->avail_seen = queue->last_avail;
}

static int break_rule(struct virtq *queue, const char *rule)
{
	queue->broken = rule;
	return -EPROTO;
}

/* One descriptor, in host byte order, copied once. */
static struct vring_desc copy_desc(const void *table, size_t index)
{
	struct vring_desc raw;

	memcpy(&raw, (const uint8_t *)table + sizeof(raw) * index, sizeof(raw));
	atomic_signal_fence(memory_order_seq_cst);
	return (struct vring_desc){
		.addr = le64toh(raw.addr),
		.len = le32toh(raw.len),
		.flags = le16toh(raw.flags),
		.next = le16toh(raw.next),
	};
}

/* Where the walk along a chain stands. */
struct walk {
	const void *table; /* the queue's own, or an indirect one */
	size_t entries;	   /* of the table */
	size_t visited;	   /* descriptors taken from it */
	bool indirect;
	uint64_t bytes; /* of the buffers so far */
};

static int add_buffer(struct virtq *queue, struct walk *walk, const struct vring_desc *desc,
		      struct virtq_chain *chain)
{
	bool writable = (desc->flags & VRING_DESC_F_WRITE) != 0;
	void *host;

	if (chain->count == VIRTQ_CHAIN_MAX)
		return break_rule(queue, "a chain has too many buffers");
	if (desc->len == 0)
		return break_rule(queue, "a buffer is empty");
	walk->bytes += desc->len;
	if (walk->bytes > UINT32_MAX)
		return break_rule(queue, "a chain is longer than 4 GiB");
	if (!writable && chain->readable != chain->count)
		return break_rule(queue, "a readable buffer follows a writable one");
	host = guestmem_at(queue->config.mem, desc->addr, desc->len);
	if (host == NULL)
		return break_rule(queue, "a buffer lies outside guest memory");
	chain->vec[chain->count++] = (struct iovec){ .iov_base = host, .iov_len = desc->len };
	chain->readable += !writable;
	return 0;
}

/* Goes on in the table that desc points at (virtio 1.2 §2.7.5.3). */
static int enter_indirect(struct virtq *queue, struct walk *walk, const struct vring_desc *desc)
{
	const void *table;

	if (!queue->config.indirect)
		return break_rule(queue, "an indirect table was not negotiated");
	if (walk->indirect)
		return break_rule(queue, "an indirect table stands in an indirect table");
	if ((desc->flags & VRING_DESC_F_NEXT) != 0)
		return break_rule(queue, "a descriptor is both indirect and chained");
	if (desc->len == 0 || desc->len % sizeof(struct vring_desc) != 0)
		return break_rule(queue, "an indirect table has no whole number of entries");
	table = guestmem_at(queue->config.mem, desc->addr, desc->len);
	if (table == NULL)
		return break_rule(queue, "an indirect table lies outside guest memory");
	*walk = (struct walk){ .table = table,
			       .entries = desc->len / sizeof(struct vring_desc),
			       .indirect = true,
			       .bytes = walk->bytes };
	return 0;
}

static int read_chain(struct virtq *queue, struct virtq_chain *chain)
{
	struct walk walk = { .table = queue->config.desc, .entries = queue->config.size };
	size_t next = chain->head;

	for (;;) {
		struct vring_desc desc;
		int r;

		if (next >= walk.entries)
			return break_rule(queue, "a descriptor index is outside its table");
		if (walk.visited++ == walk.entries)
			return break_rule(queue, "a chain loops");
		desc = copy_desc(walk.table, next);
		next = desc.next;
		if ((desc.flags & VRING_DESC_F_INDIRECT) != 0) {
			r = enter_indirect(queue, &walk, &desc);
			next = 0;
		} else {
			r = add_buffer(queue, &walk, &desc, chain);
			if (r == 0 && (desc.flags & VRING_DESC_F_NEXT) == 0)
				return 0;
		}
		if (r < 0)
			return r;
	}
}

/* Chains that wait, by a fresh look at the driver's index. */
static uint16_t look(struct virtq *queue)
{
	queue->avail_seen = load16(avail_word(queue, RING_INDEX), memory_order_acquire);
	return (uint16_t)(queue->avail_seen - queue->last_avail);
}

/* 1: *ret_head was taken by an earlier process, 0: nothing is left of that one. */
static int next_resubmitted(struct virtq *queue, uint16_t *ret_head)
{
	int head = virtq_inflight_next(queue->config.inflight, queue->config.size,
				       &queue->resubmit_counter);

	if (head < 0) {
		queue->resubmit = 0;
		return 0;
	}
	queue->resubmit--;
	*ret_head = (uint16_t)head;
	return 1;
}

/* 1: *ret_head was made available by the driver, 0: nothing is, or -EPROTO. */
static int next_available(struct virtq *queue, uint16_t *ret_head)
{
	unsigned slot = queue->last_avail & (queue->config.size - 1U);

	if (queue->avail_seen == queue->last_avail && look(queue) == 0)
		return 0;
	if ((uint16_t)(queue->avail_seen - queue->last_avail) > queue->config.size)
		return break_rule(queue, "more chains are available than the queue has entries");
	*ret_head = load16(avail_word(queue, RING_ENTRIES + slot), memory_order_relaxed);
	return 1;
}

int virtq_pop(struct virtq *queue, struct virtq_chain *ret)
{
	bool again;
	int r;

	if (queue->broken != NULL)
		return -EPROTO;
	again = queue->resubmit > 0 && next_resubmitted(queue, &ret->head) == 1;
	r = again ? 1 : next_available(queue, &ret->head);
	if (r <= 0)
		return r;
	ret->count = ret->readable = 0;
	r = read_chain(queue, ret);
	if (r < 0)
		return r;
	if (again)
		return 1;
	queue->last_avail++;
	if (queue->config.inflight != NULL)
		virtq_inflight_take(queue->config.inflight, ret->head, queue->counter++);
	return 1;
}

void virtq_push_all(struct virtq *queue, const struct virtq_used *used, size_t count)
{
	struct virtq_inflight *inflight = queue->config.inflight;

	if (queue->broken != NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		struct vring_used_elem *entry = used_entry(queue, queue->used_index++);

		entry->id = htole32(used[i].head);
		entry->len = htole32(used[i].written);
		if (inflight != NULL)
			virtq_inflight_return(inflight, used[i].head);
	}
	store16(used_word(queue, RING_INDEX), queue->used_index, memory_order_release);
	for (size_t i = 0; inflight != NULL && i < count; i++)
		virtq_inflight_returned(inflight, used[i].head, queue->used_index);
}

void virtq_push(struct virtq *queue, uint16_t head, uint32_t written)
{
	virtq_push_all(queue, &(struct virtq_used){ head, written }, 1);
}

bool virtq_wants_interrupt(struct virtq *queue)
{
	uint16_t old = queue->signalled, new = queue->used_index;
	bool valid = queue->signalled_valid;

	if (old == new)
		return false;
	queue->signalled = new;
	queue->signalled_valid = true;
	atomic_thread_fence(memory_order_seq_cst);
	if (!queue->config.event_idx)
		return (load16(avail_word(queue, RING_FLAGS), memory_order_relaxed) &
			VRING_AVAIL_F_NO_INTERRUPT) == 0;
	return !valid ||
	       vring_need_event(load16(used_event(queue), memory_order_relaxed), new, old);
}

bool virtq_set_kicks(struct virtq *queue, bool on)
{
	if (queue->broken != NULL)
		return false;
	/* With EVENT_IDX an old wish that is already passed means "no". */
	if (!queue->config.event_idx)
		store16(used_word(queue, RING_FLAGS), on ? 0 : VRING_USED_F_NO_NOTIFY,
			memory_order_relaxed);
	else if (on)
		store16(avail_event(queue), queue->last_avail, memory_order_relaxed);
	if (!on)
		return false;
	atomic_thread_fence(memory_order_seq_cst);
	return look(queue) != 0 || queue->resubmit > 0;
}
