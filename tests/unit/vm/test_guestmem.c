#include "vm/guestmem.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/test.h"

enum { PAGE = 4096 };

static int memory_file(off_t size)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, size) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

TEST(map_shares_the_file)
{
	autocall(guestmem_finish) struct guestmem mem = { .count = 0 };
	autoclose int fd = memory_file(4 * PAGE);
	char seen[4] = "";

	CHECK_EQ(guestmem_map(&mem, 0x10000, 2 * PAGE, 0x7f0000000000, fd, PAGE), 0);
	CHECK_EQ(guestmem_write(&mem, 0x10000 + 8, "abc", 4), 0);
	CHECK_EQ(pread(fd, seen, 4, PAGE + 8), 4);
	CHECK_STR(seen, "abc");
	CHECK_EQ(pwrite(fd, "xyz", 4, PAGE + 16), 4);
	CHECK_EQ(guestmem_read(&mem, 0x10000 + 16, seen, 4), 0);
	CHECK_STR(seen, "xyz");
	CHECK(guestmem_at(&mem, 0x10008, 1) == guestmem_at_uaddr(&mem, 0x7f0000000008, 1));
}

TEST(map_takes_offsets_inside_a_page)
{
	autocall(guestmem_finish) struct guestmem mem = { .count = 0 };
	autoclose int fd = memory_file(PAGE);
	char seen[4] = "";

	CHECK_EQ(pwrite(fd, "abc", 4, 512), 4);
	CHECK_EQ(guestmem_map(&mem, 0, 512, 0, fd, 512), 0);
	CHECK_EQ(guestmem_read(&mem, 0, seen, 4), 0);
	CHECK_STR(seen, "abc");
}

TEST(map_refuses_what_cannot_be_memory)
{
	autocall(guestmem_finish) struct guestmem mem = { .count = 0 };
	autoclose int fd = memory_file(2 * PAGE);

	CHECK_EQ(guestmem_map(&mem, 0, 0, 0, fd, 0), -EINVAL);
	CHECK_EQ(guestmem_map(&mem, UINT64_MAX, 2, 0, fd, 0), -EINVAL);
	CHECK_EQ(guestmem_map(&mem, 0, PAGE, UINT64_MAX - 1, fd, 0), -EINVAL);
	CHECK_EQ(guestmem_map(&mem, 0, 3 * PAGE, 0, fd, 0), -EINVAL);
	CHECK_EQ(guestmem_map(&mem, 0, PAGE, 0, fd, 2 * PAGE), -EINVAL);
	CHECK_EQ(guestmem_map(&mem, 0, PAGE, 0, fd, UINT64_MAX), -EINVAL);
	CHECK_EQ(guestmem_map(&mem, 0, PAGE, 0, -1, 0), -EBADF);
	CHECK_EQ(mem.count, 0);
}

TEST(regions_do_not_overlap_and_are_bounded)
{
	struct guestmem mem = { .count = 0 };
	static uint8_t bytes[GUESTMEM_REGIONS_MAX][16];

	CHECK_EQ(guestmem_add(&mem, 100, 16, bytes[0]), 0);
	CHECK_EQ(guestmem_add(&mem, 115, 16, bytes[1]), -EEXIST);
	CHECK_EQ(guestmem_add(&mem, 85, 16, bytes[1]), -EEXIST);
	CHECK_EQ(guestmem_add(&mem, 90, 200, bytes[1]), -EEXIST);
	for (unsigned i = 1; i < GUESTMEM_REGIONS_MAX; i++)
		CHECK_EQ(guestmem_add(&mem, 100 + 16 * i, 16, bytes[i]), 0);
	CHECK_EQ(guestmem_add(&mem, 5000, 16, bytes[0]), -ENOSPC);
	guestmem_finish(&mem);
	CHECK_EQ(mem.count, 0);
}

TEST(lookups_stay_within_one_region)
{
	struct guestmem mem = { .count = 0 };
	static uint8_t low[16], high[16];
	uint8_t copy[16];

	CHECK_EQ(guestmem_add(&mem, 16, 16, low), 0);
	CHECK_EQ(guestmem_add(&mem, 32, 16, high), 0);
	CHECK(guestmem_at(&mem, 16, 16) == low);
	CHECK(guestmem_at(&mem, 32, 1) == high);
	CHECK(guestmem_at(&mem, 15, 1) == NULL);
	CHECK(guestmem_at(&mem, 31, 2) == NULL);
	CHECK(guestmem_at(&mem, 48, 0) == NULL);
	CHECK(guestmem_at(&mem, 47, UINT64_MAX) == NULL);
	CHECK(guestmem_at(&mem, UINT64_MAX, UINT64_MAX) == NULL);
	CHECK_EQ(guestmem_read(&mem, 31, copy, 2), -EFAULT);
	CHECK_EQ(guestmem_write(&mem, 47, copy, 2), -EFAULT);
	CHECK(guestmem_at_uaddr(&mem, (uintptr_t)low + 1, 15) == low + 1);
	CHECK(guestmem_at_uaddr(&mem, (uintptr_t)low + 1, 64) == NULL);
}

TEST_MAIN()
