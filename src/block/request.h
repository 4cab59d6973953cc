/*
 * One request of a virtio block device (virtio 1.2 §5.2.6): a header that the
 * driver wrote, data, and a status byte that we write.
 *
 *	parsed   header copied and checked, data found. A request that is wrong is
 *	         already `done`, with its status.
 *	done     status known; block_request_finish() writes it and ends the request.
 *
 * block_request_try() takes a request as far as it goes without waiting for the
 * host's disk; one that is not done then needs block_request_run(), which may
 * sleep and may be called on any thread. The chain's memory must stay.
 */
#ifndef BLOCK_REQUEST_H
#define BLOCK_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "block/disk.h"

enum {
	BLOCK_SEGMENTS_MAX = 254, /* data buffers of a request that we ask drivers to keep to */
	BLOCK_RANGES_MAX = 64,	  /* ranges of one discard or write-zeroes request */
	BLOCK_RANGE_SECTORS_MAX = 1 << 22, /* sectors of one range: 2 GiB */
	BLOCK_CONFIG_SIZE = 60,		   /* bytes of struct virtio_blk_config that we fill */
};

struct block_request {
	struct disk *disk; /* weak */
	uint32_t type;	   /* VIRTIO_BLK_T_* */
	uint64_t offset;   /* bytes on the disk */
	struct disk_buffers data;
	uint64_t data_size; /* bytes of data at the start */
	uint8_t *status_at; /* in guest memory; never read */
	bool done;
	uint8_t status; /* VIRTIO_BLK_S_*, valid when done */
	int error;	/* -errno of the host, if that is why */
};

/* Virtio feature bits, and the configuration space, of a disk. */
uint64_t block_features(const struct disk *disk);

/*
 * What of the features the driver accepted; while no request is under way. One that cannot
 * flush is told of a change when that is on stable storage (§5.2.6.2).
 */
void block_negotiated(struct disk *disk, uint64_t features);
void block_config(const struct disk *disk, uint8_t ret[BLOCK_CONFIG_SIZE]);

/*
 * Parses a chain of count buffers, `readable` of them before those that we may
 * write. The iovecs are the caller's but are changed as bytes move. -EBADMSG:
 * there is no place for a status; nothing can be answered.
 */
int block_request_parse(struct block_request *ret, struct disk *disk, struct iovec *vec,
			size_t readable, size_t count);

/* True when it is done without having waited. */
bool block_request_try(struct block_request *request);

/* Does the rest; sleeps. */
void block_request_run(struct block_request *request);

/* Writes the status; returns the bytes written from the start of the writable part. */
uint32_t block_request_finish(struct block_request *request);

#endif
