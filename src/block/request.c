#include "block/request.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/iov.h"

enum { HEADER_SIZE = 16, RANGE_SIZE = 16 };

static_assert(BLOCK_CONFIG_SIZE == offsetof(struct virtio_blk_config, unused1) + 3,
	      "the configuration space ends with write_zeroes_may_unmap and its padding");

uint64_t block_features(const struct disk *disk)
{
	uint64_t features = UINT64_C(1) << VIRTIO_BLK_F_SEG_MAX | UINT64_C(1)
									  << VIRTIO_BLK_F_BLK_SIZE;

	if (disk->read_only)
		return features | UINT64_C(1) << VIRTIO_BLK_F_RO;
	features |= UINT64_C(1) << VIRTIO_BLK_F_FLUSH | UINT64_C(1) << VIRTIO_BLK_F_WRITE_ZEROES;
	return disk->punches ? features | UINT64_C(1) << VIRTIO_BLK_F_DISCARD : features;
}

void block_config(const struct disk *disk, uint8_t ret[BLOCK_CONFIG_SIZE])
{
	const struct virtio_blk_config config = {
		.capacity = htole64(disk->size / DISK_SECTOR),
		.seg_max = htole32(BLOCK_SEGMENTS_MAX),
		.blk_size = htole32(DISK_SECTOR),
		.num_queues = htole16(1),
		.max_discard_sectors = htole32(BLOCK_RANGE_SECTORS_MAX),
		.max_discard_seg = htole32(BLOCK_RANGES_MAX),
		.discard_sector_alignment = htole32(4096 / DISK_SECTOR),
		.max_write_zeroes_sectors = htole32(BLOCK_RANGE_SECTORS_MAX),
		.max_write_zeroes_seg = htole32(BLOCK_RANGES_MAX),
		.write_zeroes_may_unmap = disk->punches,
	};

	memcpy(ret, &config, BLOCK_CONFIG_SIZE);
}

void block_negotiated(struct disk *disk, uint64_t features)
{
	disk->write_through = (features & UINT64_C(1) << VIRTIO_BLK_F_FLUSH) == 0;
}

static void finish(struct block_request *request, uint8_t status)
{
	request->status = status;
	request->done = true;
}

/* A host's error as what the driver is told. */
static void finish_with(struct block_request *request, int error)
{
	request->error = error == -EINVAL ? 0 : error; /* the driver's: a range beyond the disk */
	if (error == 0)
		finish(request, VIRTIO_BLK_S_OK);
	else
		finish(request, error == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR);
}

/* Takes len bytes off the end; false when there are fewer. */
static bool trim_end(struct disk_buffers *buffers, size_t len)
{
	if (buffers->left < len)
		return false;
	buffers->left -= len;
	while (len > 0) {
		struct iovec *last = &buffers->vec[buffers->count - 1];
		size_t n = min_of(last->iov_len, len);

		last->iov_len -= n;
		len -= n;
		buffers->count -= last->iov_len == 0;
	}
	return true;
}

/* Takes len bytes off the start and copies them to `to`; false when there are fewer. */
static bool take_start(struct disk_buffers *buffers, void *to, size_t len)
{
	struct iov iov = iov_make(buffers->vec, buffers->count);

	if (iov_read(&iov, to, len) < 0)
		return false;
	disk_buffers_advance(buffers, len);
	return true;
}

static struct disk_buffers make_buffers(struct iovec *vec, size_t count)
{
	return (struct disk_buffers){ .vec = vec,
				      .count = count,
				      .left = iov_make(vec, count).left };
}

/* Reads and writes are whole sectors within the disk, writes to one that takes them. */
static bool is_sound_transfer(const struct block_request *request, uint64_t sector)
{
	uint64_t offset;

	if (request->type == VIRTIO_BLK_T_OUT && request->disk->read_only)
		return false;
	return request->data.left % DISK_SECTOR == 0 &&
	       u64_mul(sector, DISK_SECTOR, &offset) == 0 &&
	       disk_has(request->disk, offset, request->data.left);
}

/* Chooses the data by direction and refuses what the disk cannot do. */
static void check(struct block_request *request, uint64_t sector, const struct disk_buffers *in,
		  const struct disk_buffers *out)
{
	bool is_read = request->type == VIRTIO_BLK_T_IN || request->type == VIRTIO_BLK_T_GET_ID;

	request->data = is_read ? *in : *out;
	request->data_size = request->data.left;
	request->offset = sector * DISK_SECTOR;
	switch (request->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		if (!is_sound_transfer(request, sector))
			finish(request, VIRTIO_BLK_S_IOERR);
		return;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		if (request->disk->read_only || request->data.left == 0 ||
		    request->data.left % RANGE_SIZE != 0 ||
		    request->data.left / RANGE_SIZE > BLOCK_RANGES_MAX)
			finish(request, VIRTIO_BLK_S_IOERR);
		return;
	case VIRTIO_BLK_T_GET_ID:
		request->data_size = min_of(request->data.left, (uint64_t)DISK_ID_SIZE);
		return;
	case VIRTIO_BLK_T_FLUSH:
		return;
	default:
		finish(request, VIRTIO_BLK_S_UNSUPP);
	}
}

int block_request_parse(struct block_request *ret, struct disk *disk, struct iovec *vec,
			size_t readable, size_t count)
{
	struct disk_buffers out = make_buffers(vec, readable);
	struct disk_buffers in = make_buffers(vec + readable, count - readable);
	uint8_t header[HEADER_SIZE];

	*ret = (struct block_request){ .disk = disk };
	if (in.left == 0)
		return -EBADMSG;
	ret->status_at =
		(uint8_t *)in.vec[in.count - 1].iov_base + (in.vec[in.count - 1].iov_len - 1);
	(void)trim_end(&in, 1);
	if (!take_start(&out, header, sizeof(header))) {
		finish(ret, VIRTIO_BLK_S_IOERR);
		return 0;
	}
	ret->type = le32_load(header);
	check(ret, le64_load(header + 8), &in, &out);
	return 0;
}

static int get_id(struct block_request *request)
{
	struct iov iov = iov_make(request->data.vec, request->data.count);

	return iov_write(&iov, request->disk->id, request->data_size);
}

/* One range of a discard or write-zeroes request, copied to `raw` (§5.2.6.2). */
static int clear_range(const struct block_request *request, const uint8_t raw[RANGE_SIZE])
{
	uint64_t sector = le64_load(raw), offset, len;
	uint32_t sectors = le32_load(raw + 8), flags = le32_load(raw + 12);
	bool unmap = (flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) != 0;
	bool discard = request->type == VIRTIO_BLK_T_DISCARD;

	if ((flags & ~(unsigned)VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) != 0 || (discard && unmap))
		return -EOPNOTSUPP;
	len = (uint64_t)sectors * DISK_SECTOR;
	if (sectors > BLOCK_RANGE_SECTORS_MAX || u64_mul(sector, DISK_SECTOR, &offset) < 0 ||
	    !disk_has(request->disk, offset, len))
		return -EINVAL;
	if (sectors == 0)
		return 0;
	return discard ? disk_discard(request->disk, offset, len)
		       : disk_zero(request->disk, offset, len, unmap);
}

/* Ranges are taken one by one, each copied once; the first that is wrong ends it. */
static int clear_ranges(struct block_request *request)
{
	uint8_t raw[RANGE_SIZE];
	int r = 0;

	while (r == 0 && take_start(&request->data, raw, sizeof(raw)))
		r = clear_range(request, raw);
	return r;
}

bool block_request_try(struct block_request *request)
{
	int r;

	if (request->done)
		return true;
	switch (request->type) {
	case VIRTIO_BLK_T_IN:
		r = disk_read(request->disk, request->offset, &request->data, false);
		if (r == -EAGAIN)
			return false;
		finish_with(request, r);
		return true;
	case VIRTIO_BLK_T_OUT:
		if (request->disk->write_through)
			return false;
		finish_with(request, disk_write(request->disk, request->offset, &request->data));
		return true;
	case VIRTIO_BLK_T_GET_ID:
		finish_with(request, get_id(request));
		return true;
	default:
		return false;
	}
}

/* After a change that went as r says. */
static int settle(struct block_request *request, int r)
{
	return r == 0 && request->disk->write_through ? disk_flush(request->disk) : r;
}

void block_request_run(struct block_request *request)
{
	uint64_t moved = request->data_size - request->data.left;
	int r;

	switch (request->type) {
	case VIRTIO_BLK_T_IN:
		r = disk_read(request->disk, request->offset + moved, &request->data, true);
		break;
	case VIRTIO_BLK_T_OUT:
		r = settle(request, disk_write(request->disk, request->offset, &request->data));
		break;
	case VIRTIO_BLK_T_FLUSH:
		r = disk_flush(request->disk);
		break;
	default:
		r = settle(request, clear_ranges(request));
	}
	finish_with(request, r);
}

uint32_t block_request_finish(struct block_request *request)
{
	uint64_t data = request->type == VIRTIO_BLK_T_IN || request->type == VIRTIO_BLK_T_GET_ID
				? request->data_size
				: 0;

	*request->status_at = request->status;
	if (request->status != VIRTIO_BLK_S_OK)
		return data == 0 ? 1 : 0;
	return (uint32_t)data + 1;
}
