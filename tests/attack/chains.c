#include "tests/attack/chains.h"

#include <linux/virtio_ring.h>

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	INDIRECT = VRING_DESC_F_INDIRECT,
	ACROSS = (1 << 30) + 64, /* more than any hole */
};

#define SCRATCH PLACE_SCRATCH, 0
#define TABLE PLACE_TABLE, 0

const struct chain chains[] = {
	{ "a chain that is a loop of one", true, .part = { { SCRATCH, 64, NEXT, 0 } } },
	{ "a loop of two", true,
	  .part = { { SCRATCH, 64, NEXT, 1 }, { SCRATCH, 64, NEXT | WRITE, 0 } } },
	{ "a chain that leaves the table", true, .part = { { SCRATCH, 64, NEXT, CHAIN_RING } } },
	{ "length 0", false, .part = { { SCRATCH, 0, NEXT, 1 }, { SCRATCH, 0, WRITE, 0 } } },
	{ "length 2^32-1", true,
	  .part = { { SCRATCH, UINT32_MAX, NEXT, 1 }, { SCRATCH, UINT32_MAX, WRITE, 0 } } },
	{ "an address that wraps", true,
	  .part = { { PLACE_NOWHERE, -8, 64, NEXT, 1 }, { PLACE_NOWHERE, -8, 64, WRITE, 0 } } },
	{ "an address in the hole", true,
	  .part = { { PLACE_HOLE, 0, 64, NEXT, 1 }, { PLACE_HOLE, 0, 4096, WRITE, 0 } } },
	{ "an address behind all memory", true,
	  .part = { { PLACE_HIGH_END, 0, 64, NEXT, 1 }, { PLACE_HIGH_END, 0, 4096, WRITE, 0 } } },
	{ "a buffer that begins inside only", true,
	  .part = { { PLACE_LOW_END, -8, 64, NEXT, 1 }, { PLACE_LOW_END, -8, 64, WRITE, 0 } } },
	{ "a buffer across both pieces", true,
	  .part = { { PLACE_LOW_END, -8, ACROSS, NEXT, 1 },
		    { PLACE_LOW_END, -8, ACROSS, WRITE, 0 } } },
	{ "a buffer one byte too long", true,
	  .part = { { PLACE_HIGH_END, -4096, 4097, WRITE, 0 } } },
	{ "the ring as its own buffer", false,
	  .part = { { PLACE_DESC, 0, 1024, NEXT, 1 }, { PLACE_DESC, 0, 4096, WRITE, 0 } } },
	{ "the used ring as buffer", false,
	  .part = { { PLACE_AVAIL, 0, 128, NEXT, 1 }, { PLACE_USED, 0, 512, WRITE, 0 } } },
	{ "to write before to read", true,
	  .part = { { SCRATCH, 512, WRITE | NEXT, 1 }, { SCRATCH, 64, 0, 0 } } },
	{ "only to read", false, .part = { { SCRATCH, 4096, 0, 0 } } },
	{ "only to write", false, .part = { { SCRATCH, 4096, WRITE, 0 } } },
	{ "an indirect table outside", true, .part = { { PLACE_HOLE, 0, 64, INDIRECT, 0 } } },
	{ "an indirect table of length 0", true, .part = { { TABLE, 0, INDIRECT, 0 } } },
	{ "an indirect table of odd length", true, .part = { { TABLE, 17, INDIRECT, 0 } },
	  .indirect = { { SCRATCH, 64, NEXT, 1 } } },
	{ "an indirect table of 4 GiB", true, .part = { { TABLE, UINT32_MAX - 15, INDIRECT, 0 } } },
	{ "indirect in indirect", true, .part = { { TABLE, 64, INDIRECT, 0 } },
	  .indirect = { { TABLE, 64, INDIRECT, 0 } } },
	{ "indirect and next", true,
	  .part = { { TABLE, 16, INDIRECT | NEXT, 1 }, { SCRATCH, 64, WRITE, 0 } },
	  .indirect = { { SCRATCH, 64, 0, 0 } } },
	{ "an indirect loop", true, .part = { { TABLE, 32, INDIRECT, 0 } },
	  .indirect = { { SCRATCH, 16, NEXT, 1 }, { SCRATCH, 16, NEXT, 0 } } },
	{ "an indirect chain that leaves its table", true, .part = { { TABLE, 32, INDIRECT, 0 } },
	  .indirect = { { SCRATCH, 16, NEXT, 0x7fff } } },
};

const size_t chains_count = sizeof(chains) / sizeof(chains[0]);

uint64_t chain_address(const struct chain_part *part, const uint64_t places[PLACE_COUNT])
{
	return places[part->place] + (uint64_t)(int64_t)part->offset;
}

bool chain_has(const struct chain_part *part)
{
	return part->place != PLACE_NOWHERE || part->offset != 0;
}
