/* A guest's requests to a disk, one at a time: header, data and status each a descriptor of their
 * own. */
#ifndef TESTS_ATTACK_DEVICES_BLK_DRIVER_H
#define TESTS_ATTACK_DEVICES_BLK_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/attack/devices/victim.h"

enum {
	BLK_HEADER_AT = VICTIM_SCRATCH,
	BLK_DATA_AT = VICTIM_SCRATCH + 4096,
	BLK_STATUS_AT = VICTIM_SCRATCH + (1 << 20),
	BLK_LOST = -1,
};

struct blk_request {
	uint32_t type;
	uint64_t sector;
	uint32_t len;  /* of the data, at BLK_DATA_AT; 0: no descriptor is there for it */
	bool to_guest; /* it is for the device to write */
};

/* The status, or BLK_LOST when nothing came back. */
int blk_call(struct victim *victim, const struct blk_request *request);

#endif
