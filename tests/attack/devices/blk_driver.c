#include "tests/attack/devices/blk_driver.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <string.h>

int blk_call(struct victim *victim, const struct blk_request *request)
{
	const struct virtio_blk_outhdr header = { .type = request->type,
						  .sector = request->sector };
	const uint16_t to_guest = request->to_guest ? VRING_DESC_F_WRITE : 0;
	const struct raw_desc status_part = { BLK_STATUS_AT, 1, VRING_DESC_F_WRITE, 0 };
	const struct raw_desc chain[] = {
		{ BLK_HEADER_AT, sizeof(header), VRING_DESC_F_NEXT, 1 },
		{ BLK_DATA_AT, request->len, (uint16_t)(VRING_DESC_F_NEXT | to_guest), 2 },
		status_part,
	};
	const struct raw_desc bare[] = { chain[0], status_part };
	uint8_t *status = victim_at(victim, BLK_STATUS_AT);
	uint32_t written;

	*status = 0xff;
	memcpy(victim_at(victim, BLK_HEADER_AT), &header, sizeof(header));
	victim_offer(victim, 0, request->len > 0 ? chain : bare, request->len > 0 ? 3 : 2);
	victim_kick(victim, 0);
	return victim_await(victim, 0, &written) ? *status : BLK_LOST;
}
