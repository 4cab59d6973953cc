#include "tests/attack/devices/liars.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "tests/attack/devices/blk_driver.h"
#include "tests/attack/devices/victim.h"

enum {
	SECTORS = 2048, /* of the image; see backend.c */
	SECTOR = 512,
	DATA = 8192,
	ROUNDS = 2000,
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
};

static bool is_refused(struct victim *victim, uint32_t type, uint64_t sector, uint32_t len,
		       bool to_guest)
{
	const struct blk_request request = { type, sector, len, to_guest };
	int status = blk_call(victim, &request);

	if (status != VIRTIO_BLK_S_OK)
		return true;
	printf("# request %u at sector %llu for %u bytes was done\n", type,
	       (unsigned long long)sector, len);
	return false;
}

static bool image_is_as_large(const struct victim *victim)
{
	char path[96];
	struct stat is;

	(void)snprintf(path, sizeof(path), "%s/image", victim->folder);
	if (stat(path, &is) == 0 && is.st_size == SECTORS * SECTOR)
		return true;
	printf("# the image is %lld bytes\n", (long long)is.st_size);
	return false;
}

static bool sectors_outside(struct victim *victim)
{
	static const uint64_t sectors[] = {
		SECTORS - 1, SECTORS, UINT64_MAX, UINT64_MAX / SECTOR, UINT64_MAX / SECTOR + 1,
		INT64_MAX
	};
	bool good = true;

	for (size_t i = 0; i < countof(sectors); i++) {
		good = is_refused(victim, VIRTIO_BLK_T_IN, sectors[i], 4096, true) && good;
		good = is_refused(victim, VIRTIO_BLK_T_OUT, sectors[i], 4096, false) && good;
	}
	return image_is_as_large(victim) && good;
}

static bool ranges_to_discard(struct victim *victim)
{
	static const struct virtio_blk_discard_write_zeroes ranges[] = {
		{ .sector = UINT64_MAX, .num_sectors = 1 },
		{ .sector = 0, .num_sectors = UINT32_MAX },
		{ .sector = SECTORS - 1, .num_sectors = 2 },
		{ .sector = SECTORS, .num_sectors = 8, .flags = UINT32_MAX },
	};
	static const uint32_t types[] = { VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES };
	bool good = true;

	for (size_t i = 0; i < countof(ranges); i++)
		for (size_t j = 0; j < countof(types); j++) {
			memcpy(victim_at(victim, BLK_DATA_AT), &ranges[i], sizeof(ranges[i]));
			good = is_refused(victim, types[j], 0, sizeof(ranges[i]), false) && good;
			good = is_refused(victim, types[j], 0, sizeof(ranges[i]) - 1, false) &&
			       good;
			good = is_refused(victim, types[j], 0, DATA, false) && good;
		}
	return image_is_as_large(victim) && good;
}

static bool requests_of_no_kind(struct victim *victim)
{
	static const uint32_t types[] = { 2, 3, 5, 7, 9, 15, 17, 19, 0x80000000, UINT32_MAX };
	bool good = true;

	for (size_t i = 0; i < countof(types); i++)
		good = is_refused(victim, types[i], 0, 512, true) && good;
	return good;
}

/* Any of them ends well or not at all: a dead queue is what a broken rule may cost. */
static bool odd_lengths(struct victim *victim)
{
	bool good = true;

	good = is_refused(victim, VIRTIO_BLK_T_IN, 0, 511, true) && good;
	good = is_refused(victim, VIRTIO_BLK_T_OUT, 0, 513, false) && good;
	return image_is_as_large(victim) && good;
}

static bool short_headers(struct victim *victim)
{
	const struct raw_desc chain[] = { { BLK_HEADER_AT, 15, NEXT, 1 },
					  { BLK_STATUS_AT, 1, WRITE, 0 } };

	victim_offer(victim, 0, chain, countof(chain));
	victim_kick(victim, 0);
	return true;
}

struct flipper {
	struct victim *victim;
	atomic_bool done;
};

static void *flip_header(void *argument)
{
	static const struct virtio_blk_outhdr headers[] = {
		{ .type = VIRTIO_BLK_T_IN, .sector = 1 },
		{ .type = VIRTIO_BLK_T_OUT, .sector = SECTORS - 1 },
		{ .type = VIRTIO_BLK_T_OUT, .sector = SECTORS },
		{ .type = VIRTIO_BLK_T_OUT, .sector = UINT64_MAX / SECTOR },
		{ .type = VIRTIO_BLK_T_DISCARD, .sector = 0 },
	};
	struct flipper *flipper = argument;

	for (unsigned i = 0; !flipper->done; i++)
		memcpy(victim_at(flipper->victim, BLK_HEADER_AT), &headers[i % countof(headers)],
		       sizeof(headers[0]));
	return NULL;
}

/* Checked as a read of sector 1, done as a write far behind the image: must not be. */
static bool a_header_that_changes(struct victim *victim)
{
	const struct blk_request request = { VIRTIO_BLK_T_IN, 1, SECTOR, false };
	struct flipper flipper = { .victim = victim };
	pthread_t thread;

	if (pthread_create(&thread, NULL, flip_header, &flipper) != 0)
		return false;
	for (unsigned i = 0; i < ROUNDS && blk_call(victim, &request) != BLK_LOST; i++)
		continue;
	flipper.done = true;
	(void)pthread_join(thread, NULL);
	return image_is_as_large(victim);
}

const struct lie lies_blk[] = {
	{ "V08", "sectors outside of the disk", sectors_outside },
	{ "V08", "ranges to discard and to zero", ranges_to_discard },
	{ "V08", "requests of no kind", requests_of_no_kind },
	{ "V08", "odd lengths", odd_lengths },
	{ "V08", "a short header", short_headers },
	{ "V05", "a header that changes", a_header_that_changes },
};

const size_t lies_blk_count = countof(lies_blk);
