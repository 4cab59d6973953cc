/*
 * The input is a guest's memory: the ring's three parts at fixed places, the
 * rest whatever it likes. Every iovec that a pop returns must lie in it.
 */
#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "virtio/queue.h"
#include "vm/guestmem.h"

enum { MEMORY = 4096, SIZE = 16, AVAIL = 16 * SIZE, USED = 512 };

static uint64_t memory[MEMORY / 8];
static struct virtq_chain chain;

static void check_chain(void)
{
	const uint8_t *start = (const uint8_t *)memory;

	assert(chain.readable <= chain.count && chain.count <= VIRTQ_CHAIN_MAX);
	for (unsigned i = 0; i < chain.count; i++) {
		const uint8_t *base = chain.vec[i].iov_base;

		assert(base >= start && base < start + MEMORY);
		assert(chain.vec[i].iov_len <= (size_t)(start + MEMORY - base));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guestmem mem = { .count = 0 };
	struct virtq_config config = { .mem = &mem, .size = SIZE };
	struct virtq queue;

	if (size == 0)
		return 0;
	memset(memory, 0, sizeof(memory));
	memcpy(memory, data + 1, size - 1 < MEMORY ? size - 1 : MEMORY);
	(void)guestmem_add(&mem, 0, MEMORY, memory);
	config.desc = memory;
	config.avail = (uint8_t *)memory + AVAIL;
	config.used = (uint8_t *)memory + USED;
	config.event_idx = (data[0] & 1) != 0;
	config.indirect = (data[0] & 2) != 0;
	virtq_init(&queue, &config);
	for (unsigned i = 0; i < 2 * SIZE && virtq_pop(&queue, &chain) == 1; i++) {
		check_chain();
		virtq_push(&queue, chain.head, i);
		(void)virtq_wants_interrupt(&queue);
	}
	(void)virtq_set_kicks(&queue, true);
	return 0;
}
