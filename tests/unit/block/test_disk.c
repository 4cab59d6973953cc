#include "block/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

enum { SIZE = 1 << 20 };

static struct err err;

static int image(off_t size)
{
	char path[] = "disk.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || unlink(path) < 0 || ftruncate(fd, size) < 0)
		abort();
	return fd;
}

static struct disk open_disk(void)
{
	struct disk disk = { .fd = -1 };

	if (disk_open(&disk, image(SIZE), false, "vdb", &err) < 0)
		abort();
	return disk;
}

TEST(images_that_cannot_be_disks_are_refused)
{
	struct disk disk = { .fd = -1 };
	autoclose int empty = image(0), odd = image(SIZE + 100), whole = image(SIZE);
	autoclose int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_EQ(disk_open(&disk, empty, false, "vda", &err), -EINVAL);
	CHECK_EQ(disk_open(&disk, odd, false, "vda", &err), -EINVAL);
	CHECK_STR(err.text,
		  "the image of disk vda has 1048676 bytes, not a multiple of 512: it is "
		  "truncated or no raw image");
	CHECK_EQ(disk_open(&disk, folder, true, "vda", &err), -EINVAL);
	CHECK_EQ(disk_open(&disk, -1, true, "vda", &err), -EBADF);
	CHECK_EQ(disk_open(&disk, whole, true, "vda", &err), -EBADF);
	CHECK_STR(err.text, "the image of disk vda must be opened read-only");
}

TEST(bytes_come_back)
{
	autocall(disk_finish) struct disk disk = open_disk();
	char out[] = "scattered bytes", in[sizeof(out)] = "";
	struct iovec from[] = { { out, 5 }, { out + 5, 1 }, { out + 6, sizeof(out) - 6 } };
	struct iovec to[] = { { in, 1 }, { in + 1, sizeof(in) - 1 } };
	struct disk_buffers writing = { from, 3, sizeof(out) }, reading = { to, 2, sizeof(in) };

	CHECK_EQ(disk_write(&disk, 4096, &writing), 0);
	CHECK_EQ(writing.left, 0);
	CHECK_EQ(writing.count, 0);
	CHECK_EQ(disk_read(&disk, 4096, &reading, true), 0);
	CHECK_STR(in, out);
	CHECK_EQ(disk_flush(&disk), 0);
}

TEST(more_buffers_than_one_call_takes)
{
	enum { COUNT = 3000 };
	autocall(disk_finish) struct disk disk = open_disk();
	static uint8_t bytes[COUNT], back[COUNT];
	static struct iovec vec[COUNT];
	struct disk_buffers buffers = { vec, COUNT, COUNT };

	for (int i = 0; i < COUNT; i++) {
		bytes[i] = (uint8_t)(i * 7);
		vec[i] = (struct iovec){ &bytes[i], 1 };
	}
	CHECK_EQ(disk_write(&disk, 512, &buffers), 0);
	for (int i = 0; i < COUNT; i++)
		vec[i] = (struct iovec){ &back[i], 1 };
	buffers = (struct disk_buffers){ vec, COUNT, COUNT };
	CHECK_EQ(disk_read(&disk, 512, &buffers, true), 0);
	CHECK_MEM(back, bytes, COUNT);
}

TEST(a_truncated_image_is_an_error)
{
	autocall(disk_finish) struct disk disk = open_disk();
	char bytes[1024];
	struct iovec vec = { bytes, sizeof(bytes) };
	struct disk_buffers buffers = { &vec, 1, sizeof(bytes) };

	CHECK_EQ(ftruncate(disk.fd, 512), 0);
	CHECK_EQ(disk_read(&disk, 0, &buffers, true), -EIO);
	CHECK_EQ(buffers.left, 512);
}

TEST(ranges_are_checked_against_the_size)
{
	autocall(disk_finish) struct disk disk = open_disk();

	CHECK(disk_has(&disk, 0, SIZE));
	CHECK(disk_has(&disk, SIZE, 0));
	CHECK(!disk_has(&disk, SIZE, 1));
	CHECK(!disk_has(&disk, 1, SIZE));
	CHECK(!disk_has(&disk, UINT64_MAX, 2));
	CHECK(!disk_has(&disk, 512, UINT64_MAX));
}

/* Bytes of the file that take space. */
static int64_t used(const struct disk *disk)
{
	struct stat st;

	(void)fsync(disk->fd);
	return fstat(disk->fd, &st) < 0 ? -1 : (int64_t)st.st_blocks * 512;
}

static int fill(const struct disk *disk)
{
	static uint8_t bytes[SIZE];
	struct iovec vec = { bytes, SIZE };
	struct disk_buffers buffers = { &vec, 1, SIZE };

	memset(bytes, 0xa5, SIZE);
	return disk_write(disk, 0, &buffers);
}

static bool reads_as(const struct disk *disk, uint64_t offset, uint8_t byte)
{
	uint8_t seen[512];
	struct iovec vec = { seen, sizeof(seen) };
	struct disk_buffers buffers = { &vec, 1, sizeof(seen) };

	if (disk_read(disk, offset, &buffers, true) < 0)
		return false;
	for (size_t i = 0; i < sizeof(seen); i++) {
		if (seen[i] != byte)
			return false;
	}
	return true;
}

TEST(discard_gives_space_back)
{
	autocall(disk_finish) struct disk disk = open_disk();

	if (!disk.punches)
		SKIP("this file system cannot punch holes");
	CHECK_EQ(fill(&disk), 0);
	CHECK(used(&disk) >= SIZE);
	CHECK_EQ(disk_discard(&disk, SIZE / 4, SIZE / 2), 0);
	CHECK(used(&disk) <= SIZE * 3 / 4);
	CHECK(reads_as(&disk, SIZE / 4 - 512, 0xa5));
	CHECK(reads_as(&disk, SIZE / 4, 0));
	CHECK(reads_as(&disk, SIZE * 3 / 4 - 512, 0));
	CHECK(reads_as(&disk, SIZE * 3 / 4, 0xa5));
}

TEST(zeroes_are_written_with_and_without_unmap)
{
	for (int unmap = 0; unmap < 2; unmap++) {
		autocall(disk_finish) struct disk disk = open_disk();

		CHECK_EQ(fill(&disk), 0);
		CHECK_EQ(disk_zero(&disk, 1024, SIZE / 2, unmap != 0), 0);
		CHECK(reads_as(&disk, 512, 0xa5));
		CHECK(reads_as(&disk, 1024, 0));
		CHECK(reads_as(&disk, 512 + SIZE / 2, 0));
		CHECK(reads_as(&disk, 1024 + SIZE / 2, 0xa5));
	}
}

TEST(zeroes_are_written_where_the_host_has_no_zero_range)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	autocall(disk_finish) struct disk disk = { .fd = -1 };

	CHECK_EQ(ftruncate(fd, SIZE), 0);
	CHECK_EQ(disk_open(&disk, fd, false, "vdb", &err), 0);
	CHECK_EQ(fill(&disk), 0);
	CHECK_EQ(disk_zero(&disk, 512, SIZE - 1024, false), 0);
	CHECK(reads_as(&disk, 0, 0xa5));
	CHECK(reads_as(&disk, 512, 0));
	CHECK(reads_as(&disk, SIZE - 1024, 0));
	CHECK(reads_as(&disk, SIZE - 512, 0xa5));
}

TEST(v08_a_read_only_disk_is_never_written)
{
	autocall(disk_finish) struct disk disk = { .fd = -1 };
	char path[] = "disk.XXXXXX", byte = 1;
	struct iovec vec = { &byte, 1 };
	struct disk_buffers buffers = { &vec, 1, 1 };
	autoclose int writable = mkstemp(path);

	CHECK_EQ(ftruncate(writable, SIZE), 0);
	CHECK_EQ(disk_open(&disk, open(path, O_RDONLY | O_CLOEXEC), true, "vda", &err), 0);
	(void)unlink(path);
	CHECK_EQ(disk_write(&disk, 0, &buffers), -EROFS);
	CHECK_EQ(disk_discard(&disk, 0, 512), -EROFS);
	CHECK_EQ(disk_zero(&disk, 0, 512, true), -EROFS);
	CHECK_EQ(disk_flush(&disk), 0);
}

/* As of cachestat(2), which is younger than our oldest kernel. */
struct range {
	uint64_t offset, len;
};

struct cached {
	uint64_t pages, dirty, under_way, evicted, recently_evicted;
};

/* Dirty pages of a range; -1: this kernel does not tell. */
static int64_t count_dirty(const struct disk *disk, uint64_t offset, uint64_t len)
{
	enum { SYS_CACHESTAT = 451 };
	struct range range = { offset, len };
	struct cached cached;

	return syscall(SYS_CACHESTAT, disk->fd, &range, &cached, 0) < 0 ? -1
									: (int64_t)cached.dirty;
}

TEST(a_flush_can_be_begun_early)
{
	autocall(disk_finish) struct disk disk = open_disk();
	uint8_t page[4096] = { 7 };
	struct iovec vec[] = { { page, sizeof(page) } };
	struct disk_buffers buffers = { vec, 1, sizeof(page) };

	CHECK_EQ(disk_write(&disk, 4096, &buffers), 0);
	/* A file system in memory has nothing to store. */
	if (count_dirty(&disk, 4096, 4096) == 1) {
		disk_begin_flush(&disk, 4096, 4096);
		CHECK_EQ(count_dirty(&disk, 4096, 4096), 0);
	}
	CHECK_EQ(disk_flush(&disk), 0);
}

/* The host tells of what it could not write once, and then forgets it. */
TEST(a_flush_that_failed_fails_for_ever)
{
	autocall(disk_finish) struct disk disk = open_disk();
	int image = disk.fd, ends[2];

	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	disk.fd = ends[0];
	CHECK_EQ(disk_flush(&disk), -EINVAL);
	disk.fd = image;
	CHECK_EQ(disk_flush(&disk), -EIO);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

TEST(a_disk_grows_and_never_shrinks)
{
	autocall(disk_finish) struct disk disk = open_disk();

	CHECK(!disk_grow(&disk));
	CHECK_EQ(ftruncate(disk.fd, 2 * SIZE + 100), 0);
	CHECK(disk_grow(&disk));
	CHECK_EQ(disk.size, 2 * SIZE);
	CHECK_EQ(ftruncate(disk.fd, SIZE), 0);
	CHECK(!disk_grow(&disk));
	CHECK_EQ(disk.size, 2 * SIZE);
}

TEST_MAIN()
