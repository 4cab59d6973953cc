#include "block/request.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tests/unit/test.h"

enum { SIZE = 64 << 10, SECTORS = SIZE / DISK_SECTOR };

static struct err err;
static struct disk disk;
static uint8_t header[16], data[8192], status;

/* Opens a disk on memory, sector n filled with byte n. */
static void start(void)
{
	uint8_t sector[DISK_SECTOR];
	int fd = memfd_create("image", MFD_CLOEXEC);

	disk_finish(&disk);
	if (fd < 0 || ftruncate(fd, SIZE) < 0 || disk_open(&disk, fd, false, "vdb", &err) < 0)
		abort();
	for (unsigned i = 0; i < SECTORS; i++) {
		memset(sector, (int)i, sizeof(sector));
		if (pwrite(fd, sector, sizeof(sector), (off_t)i * DISK_SECTOR) < 0)
			abort();
	}
}

/* Parses and does a request; returns its status, the bytes written in *ret_written. */
static int serve(struct iovec *vec, size_t readable, size_t count, uint32_t *ret_written)
{
	struct block_request request;

	status = 0xff;
	if (block_request_parse(&request, &disk, vec, readable, count) < 0)
		return -EBADMSG;
	if (!block_request_try(&request))
		block_request_run(&request);
	if (!request.done)
		return -EIO;
	*ret_written = block_request_finish(&request);
	return status;
}

static void set_header(uint32_t type, uint64_t sector)
{
	le32_store(header, type);
	le32_store(header + 4, 0);
	le64_store(header + 8, sector);
}

/* A request in the usual form: header, one data buffer, status. */
static int ask(uint32_t type, uint64_t sector, size_t len, uint32_t *ret_written)
{
	bool in = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	struct iovec vec[] = { { header, 16 }, { data, len }, { &status, 1 } };
	struct iovec bare[] = { { header, 16 }, { &status, 1 } };

	set_header(type, sector);
	if (len == 0)
		return serve(bare, 1, 2, ret_written);
	return serve(vec, in ? 1 : 2, 3, ret_written);
}

static void set_range(unsigned index, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	le64_store(data + 16 * index, sector);
	le32_store(data + 16 * index + 8, sectors);
	le32_store(data + 16 * index + 12, flags);
}

TEST(reads_and_writes)
{
	uint32_t written = 77;

	start();
	CHECK_EQ(ask(VIRTIO_BLK_T_IN, 3, 1024, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(written, 1025);
	CHECK_EQ(data[0], 3);
	CHECK_EQ(data[1023], 4);
	memset(data, 0xee, sizeof(data));
	CHECK_EQ(ask(VIRTIO_BLK_T_OUT, SECTORS - 1, 512, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(written, 1);
	data[0] = 0;
	CHECK_EQ(ask(VIRTIO_BLK_T_IN, SECTORS - 1, 512, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(data[0], 0xee);
	CHECK_EQ(ask(VIRTIO_BLK_T_FLUSH, 0, 0, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(written, 1);
}

/* A flush that fails shows that there was one. */
TEST(what_a_driver_without_flush_changes_is_flushed_at_once)
{
	uint32_t written;

	start();
	block_negotiated(&disk, block_features(&disk));
	disk.lost = true;
	CHECK_EQ(ask(VIRTIO_BLK_T_OUT, 0, 512, &written), VIRTIO_BLK_S_OK);
	block_negotiated(&disk, block_features(&disk) & ~(UINT64_C(1) << VIRTIO_BLK_F_FLUSH));
	CHECK_EQ(ask(VIRTIO_BLK_T_OUT, 0, 512, &written), VIRTIO_BLK_S_IOERR);
	set_range(0, 0, 8, 0);
	CHECK_EQ(ask(VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, &written), VIRTIO_BLK_S_IOERR);
	disk.lost = false;
	CHECK_EQ(ask(VIRTIO_BLK_T_OUT, 0, 512, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(ask(VIRTIO_BLK_T_IN, 0, 512, &written), VIRTIO_BLK_S_OK);
}

/* Whose fault a failure is: what the host is to blame for is told to the host. */
TEST(an_error_of_the_host_is_told_from_one_of_the_driver)
{
	struct iovec vec[] = { { header, 16 }, { data, 512 }, { &status, 1 } };
	struct block_request request;

	start();
	set_header(VIRTIO_BLK_T_IN, SECTORS - 1);
	CHECK_EQ(ftruncate(disk.fd, SIZE / 2), 0);
	CHECK_EQ(block_request_parse(&request, &disk, vec, 1, 3), 0);
	if (!block_request_try(&request))
		block_request_run(&request);
	CHECK_EQ(request.status, VIRTIO_BLK_S_IOERR);
	CHECK_EQ(request.error, -EIO);
	set_header(VIRTIO_BLK_T_IN, SECTORS);
	vec[0] = (struct iovec){ header, 16 };
	vec[1] = (struct iovec){ data, 512 };
	CHECK_EQ(block_request_parse(&request, &disk, vec, 1, 3), 0);
	CHECK(request.done);
	CHECK_EQ(request.error, 0);
}

TEST(any_layout_of_buffers_works)
{
	static uint8_t in[1025];
	struct iovec vec[] = {
		{ header, 3 }, { header + 3, 13 }, { in, 1 }, { in + 1, 511 }, { in + 512, 513 }
	};
	uint32_t written;

	start();
	set_header(VIRTIO_BLK_T_IN, 5);
	in[1024] = 0xff;
	CHECK_EQ(serve(vec, 2, 5, &written), 0xff); /* our `status` stays; the last byte is it */
	CHECK_EQ(in[1024], VIRTIO_BLK_S_OK);
	CHECK_EQ(in[0], 5);
	CHECK_EQ(in[1023], 6);
	CHECK_EQ(written, 1025);
}

TEST(header_and_data_may_share_a_buffer)
{
	static uint8_t out[16 + 512];
	struct iovec vec[] = { { out, sizeof(out) }, { &status, 1 } };
	uint32_t written;

	start();
	set_header(VIRTIO_BLK_T_OUT, 9);
	memcpy(out, header, 16);
	memset(out + 16, 0x77, 512);
	CHECK_EQ(serve(vec, 1, 2, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(ask(VIRTIO_BLK_T_IN, 9, 512, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(data[0], 0x77);
	CHECK_EQ(data[511], 0x77);
}

TEST(the_id_is_told)
{
	uint32_t written;

	start();
	memset(data, 0xff, 40);
	CHECK_EQ(ask(VIRTIO_BLK_T_GET_ID, 0, 40, &written), VIRTIO_BLK_S_OK);
	CHECK_STR((char *)data, "vdb");
	CHECK_EQ(data[19], 0);
	CHECK_EQ(data[20], 0xff);
	CHECK_EQ(written, 21);
}

TEST(v08_transfers_outside_the_disk_fail)
{
	static const struct {
		uint64_t sector;
		size_t len;
	} cases[] = {
		{ SECTORS, 512 },    { SECTORS - 1, 1024 },
		{ UINT64_MAX, 512 }, { UINT64_MAX / 512, 512 },
		{ 1ULL << 55, 512 }, { 0, 100 },
		{ 0, 513 },
	};
	uint32_t written;

	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(ask(VIRTIO_BLK_T_IN, cases[i].sector, cases[i].len, &written),
			 VIRTIO_BLK_S_IOERR);
		CHECK_EQ(written, 0);
		CHECK_EQ(ask(VIRTIO_BLK_T_OUT, cases[i].sector, cases[i].len, &written),
			 VIRTIO_BLK_S_IOERR);
		CHECK_EQ(written, 1);
	}
}

TEST(v08_a_read_only_disk_refuses_changes)
{
	const uint64_t changing = 1U << VIRTIO_BLK_F_DISCARD | 1U << VIRTIO_BLK_F_WRITE_ZEROES |
				  1U << VIRTIO_BLK_F_FLUSH;
	uint32_t written;

	start();
	CHECK_EQ(block_features(&disk) & 1U << VIRTIO_BLK_F_RO, 0);
	CHECK_EQ(block_features(&disk) & changing, changing);
	disk.read_only = true;
	CHECK_EQ(block_features(&disk) & (changing | 1U << VIRTIO_BLK_F_RO), 1U << VIRTIO_BLK_F_RO);
	set_range(0, 0, 1, 0);
	CHECK_EQ(ask(VIRTIO_BLK_T_OUT, 0, 512, &written), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(ask(VIRTIO_BLK_T_DISCARD, 0, 16, &written), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(ask(VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, &written), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(ask(VIRTIO_BLK_T_FLUSH, 0, 0, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(ask(VIRTIO_BLK_T_IN, 7, 512, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(data[0], 7);
}

TEST(discard_and_write_zeroes_clear_ranges)
{
	uint32_t written;

	start();
	set_range(0, 8, 8, 0);
	set_range(1, 24, 8, 0);
	CHECK_EQ(ask(VIRTIO_BLK_T_DISCARD, 0, 32, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(ask(VIRTIO_BLK_T_IN, 15, 1024, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(data[0], 0);
	CHECK_EQ(data[512], 16);
	set_range(0, 16, 1, 1);
	set_range(1, 17, 1, 0);
	CHECK_EQ(ask(VIRTIO_BLK_T_WRITE_ZEROES, 0, 32, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(ask(VIRTIO_BLK_T_IN, 16, 1536, &written), VIRTIO_BLK_S_OK);
	CHECK_EQ(data[0], 0);
	CHECK_EQ(data[512], 0);
	CHECK_EQ(data[1024], 18);
}

TEST(v08_huge_and_odd_ranges_fail)
{
	static const struct {
		uint64_t sector;
		uint32_t sectors, flags;
		int want_discard, want_zeroes;
	} cases[] = {
		{ 0, UINT32_MAX, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ 0, SECTORS + 1, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ SECTORS, 1, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ UINT64_MAX, 1, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ UINT64_MAX / 512 + 1, 1, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ 0, 1, 2, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_UNSUPP },
		{ 0, 1, 1, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_OK },
		{ 0, 0, 0, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_OK },
	};
	uint32_t written;

	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_range(0, cases[i].sector, cases[i].sectors, cases[i].flags);
		CHECK_EQ(ask(VIRTIO_BLK_T_DISCARD, 0, 16, &written), cases[i].want_discard);
		CHECK_EQ(ask(VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, &written), cases[i].want_zeroes);
	}
	memset(data, 0, sizeof(data));
	CHECK_EQ(ask(VIRTIO_BLK_T_DISCARD, 0, 15, &written), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(ask(VIRTIO_BLK_T_DISCARD, 0, 0, &written), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(ask(VIRTIO_BLK_T_DISCARD, 0, 16 * (BLOCK_RANGES_MAX + 1), &written),
		 VIRTIO_BLK_S_IOERR);
}

TEST(requests_of_no_known_kind_are_unsupported)
{
	uint32_t written;

	start();
	CHECK_EQ(ask(2, 0, 512, &written), VIRTIO_BLK_S_UNSUPP);
	CHECK_EQ(ask(UINT32_MAX, 0, 0, &written), VIRTIO_BLK_S_UNSUPP);
}

TEST(chains_without_header_or_status_are_refused)
{
	struct iovec no_status[] = { { header, 16 }, { data, 512 } };
	struct iovec short_header[] = { { header, 15 }, { data, 512 }, { &status, 1 } };
	struct iovec status_only[] = { { &status, 1 } };
	uint32_t written;

	start();
	set_header(VIRTIO_BLK_T_OUT, 0);
	CHECK_EQ(serve(no_status, 2, 2, &written), -EBADMSG);
	CHECK_EQ(serve(short_header, 1, 3, &written), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(serve(status_only, 0, 1, &written), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(written, 1);
}

TEST(v05_the_header_is_copied_once)
{
	struct iovec vec[] = { { header, 16 }, { data, 512 }, { &status, 1 } };
	struct block_request request;

	start();
	set_header(VIRTIO_BLK_T_IN, 1);
	CHECK_EQ(block_request_parse(&request, &disk, vec, 1, 3), 0);
	set_header(VIRTIO_BLK_T_OUT, UINT64_MAX); /* another vCPU */
	if (!block_request_try(&request))
		block_request_run(&request);
	CHECK_EQ(block_request_finish(&request), 513);
	CHECK_EQ(status, VIRTIO_BLK_S_OK);
	CHECK_EQ(data[0], 1);
}

TEST(a_truncated_image_is_an_io_error)
{
	uint32_t written;

	start();
	CHECK_EQ(ftruncate(disk.fd, SIZE / 2), 0);
	CHECK_EQ(ask(VIRTIO_BLK_T_IN, SECTORS - 1, 512, &written), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(ask(VIRTIO_BLK_T_IN, 0, 512, &written), VIRTIO_BLK_S_OK);
}

TEST(the_configuration_tells_the_limits)
{
	struct virtio_blk_config config = { .capacity = 0 };

	start();
	block_config(&disk, (uint8_t *)&config);
	CHECK_EQ(config.capacity, SECTORS);
	CHECK_EQ(config.blk_size, 512);
	CHECK_EQ(config.seg_max, BLOCK_SEGMENTS_MAX);
	CHECK_EQ(config.max_discard_seg, BLOCK_RANGES_MAX);
	CHECK_EQ(config.max_write_zeroes_sectors, BLOCK_RANGE_SECTORS_MAX);
	disk_finish(&disk);
}

TEST_MAIN()
