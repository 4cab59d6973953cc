/*
 * Both who writes and who reads after it run on the same memory, and the writer
 * is gone by then: its stores are all there, up to some point of its program. So
 * only the order in the program matters, which the compiler is asked to keep.
 */
#include "virtio/inflight.h"

#include <stdatomic.h>

enum { VERSION = 1, ALIGN = 64 };

size_t virtq_inflight_bytes(uint16_t size)
{
	size_t bytes =
		sizeof(struct virtq_inflight) + sizeof(struct virtq_inflight_entry) * (size_t)size;

	return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void virtq_inflight_init(struct virtq_inflight *record, uint16_t size)
{
	record->version = VERSION;
	record->size = size;
}

bool virtq_inflight_fits(const struct virtq_inflight *record, uint16_t size)
{
	return record->version == VERSION && size <= record->size;
}

static void keep_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* One load: a frontend that shares the record may write it still. */
static uint16_t load_once(const uint16_t *from)
{
	return *(const volatile uint16_t *)from;
}

/* The used ring moved on by these chains, but the record still holds them. */
static void settle_batch(struct virtq_inflight *record, uint16_t size, uint16_t used_index)
{
	uint16_t left = (uint16_t)(used_index - record->used_index);
	uint16_t head = load_once(&record->last_head);

	for (; left > 0 && left <= size && head < size; left--) {
		record->entry[head].taken = 0;
		head = load_once(&record->entry[head].next);
	}
	keep_order();
	record->used_index = used_index;
}

uint16_t virtq_inflight_settle(struct virtq_inflight *record, uint16_t size, uint16_t used_index,
			       uint64_t *ret_counter)
{
	uint16_t taken = 0;
	uint64_t counter = 0;

	settle_batch(record, size, used_index);
	for (uint16_t head = 0; head < size; head++) {
		const struct virtq_inflight_entry *entry = &record->entry[head];

		if (entry->taken == 0)
			continue;
		taken++;
		if (entry->counter >= counter && entry->counter < UINT64_MAX)
			counter = entry->counter + 1;
	}
	*ret_counter = counter;
	return taken;
}

int virtq_inflight_next(const struct virtq_inflight *record, uint16_t size, uint64_t *counter)
{
	int found = -1;

	for (uint16_t head = 0; head < size; head++) {
		const struct virtq_inflight_entry *entry = &record->entry[head];

		if (entry->taken == 0 || entry->counter < *counter || entry->counter == UINT64_MAX)
			continue;
		if (found < 0 || entry->counter < record->entry[found].counter)
			found = head;
	}
	if (found >= 0)
		*counter = record->entry[found].counter + 1;
	return found;
}

void virtq_inflight_take(struct virtq_inflight *record, uint16_t head, uint64_t counter)
{
	record->entry[head].counter = counter;
	keep_order();
	record->entry[head].taken = 1;
	keep_order();
}

void virtq_inflight_return(struct virtq_inflight *record, uint16_t head)
{
	record->entry[head].next = record->last_head;
	keep_order();
	record->last_head = head;
	keep_order();
}

void virtq_inflight_returned(struct virtq_inflight *record, uint16_t head, uint16_t used_index)
{
	keep_order();
	record->entry[head].taken = 0;
	keep_order();
	record->used_index = used_index;
}
