#include "sbxd/disk.h"

#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/sbxd/folder.h"
#include "tests/unit/test.h"

TEST(sizes_have_limits)
{
	struct err err = ERR_INIT;

	CHECK_EQ(disk_check_size("a disk", DISK_MIN_BYTES, &err), 0);
	CHECK_EQ(disk_check_size("a disk", DISK_MIN_BYTES - 1, &err), -EINVAL);
	CHECK_EQ(disk_check_size("a disk", DISK_MAX_BYTES + 1, &err), -EINVAL);
	CHECK(strstr(err.text, "a disk") != NULL);
}

static int make(const char *path, uint64_t bytes, struct err *err)
{
	return disk_make(&(struct disk_wanted){ .path = path, .bytes = bytes }, 1, err);
}

TEST(a_disk_is_sparse_and_grows)
{
	char folder[PATH_MAX];
	uint64_t size = 0, allocated = 0;
	struct err err = ERR_INIT;
	struct paths paths;
	char *path;

	CHECK_EQ(folder_make(folder, &paths), 0);
	path = path_join(folder, "disk.img");
	CHECK_EQ(make(path, DISK_DEFAULT_BYTES, &err), 0);
	CHECK_EQ(disk_measure(path, &size, &allocated), 0);
	CHECK_EQ(size, DISK_DEFAULT_BYTES);
	CHECK(allocated < 64ull << 20);
	CHECK_EQ(make(path, DISK_DEFAULT_BYTES, &err), -EEXIST);
	CHECK_EQ(disk_grow(path, DISK_DEFAULT_BYTES - 4096, &err), -EINVAL);
	CHECK_EQ(disk_grow(path, DISK_DEFAULT_BYTES * 2, &err), 0);
	CHECK_EQ(disk_measure(path, &size, &allocated), 0);
	CHECK_EQ(size, DISK_DEFAULT_BYTES * 2);
	free(path);
	folder_remove(folder, &paths);
}

TEST(nothing_is_left_of_a_disk_that_failed)
{
	char folder[PATH_MAX];
	struct err err = ERR_INIT;
	struct paths paths;
	char *path;

	CHECK_EQ(folder_make(folder, &paths), 0);
	path = path_join(folder, "disk.img");
	CHECK(make(path, 1024, &err) < 0); /* mke2fs finds no room in it */
	CHECK(access(path, F_OK) < 0);
	CHECK(make("/nonexistent/disk.img", DISK_MIN_BYTES, &err) < 0);
	free(path);
	folder_remove(folder, &paths);
}

TEST(of_two_at_once_both_or_none)
{
	char folder[PATH_MAX];
	struct err err = ERR_INIT;
	struct paths paths;
	char *one, *other;

	CHECK_EQ(folder_make(folder, &paths), 0);
	one = path_join(folder, "one.img");
	other = path_join(folder, "other.img");
	struct disk_wanted disks[] = { { .path = one, .bytes = DISK_MIN_BYTES },
				       { .path = other, .bytes = 1024 } };

	CHECK(disk_make(disks, 2, &err) < 0);
	CHECK(strstr(err.text, "other.img") != NULL);
	CHECK(access(one, F_OK) < 0 && access(other, F_OK) < 0);
	disks[1].bytes = DISK_MIN_BYTES;
	CHECK_EQ(disk_make(disks, 2, &err), 0);
	CHECK(access(one, F_OK) == 0 && access(other, F_OK) == 0);
	CHECK_EQ(unlink(one), 0);
	CHECK_EQ(disk_make(disks, 2, &err), -EEXIST); /* what was there stays */
	CHECK(access(one, F_OK) < 0 && access(other, F_OK) == 0);
	free(one);
	free(other);
	folder_remove(folder, &paths);
}

TEST_MAIN()
