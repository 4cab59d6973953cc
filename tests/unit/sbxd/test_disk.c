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

TEST(a_disk_is_sparse_and_grows)
{
	char folder[PATH_MAX];
	uint64_t size = 0, allocated = 0;
	struct err err = ERR_INIT;
	struct paths paths;
	char *path;

	CHECK_EQ(folder_make(folder, &paths), 0);
	path = path_join(folder, "disk.img");
	CHECK_EQ(disk_make(path, DISK_DEFAULT_BYTES, &err), 0);
	CHECK_EQ(disk_measure(path, &size, &allocated), 0);
	CHECK_EQ(size, DISK_DEFAULT_BYTES);
	CHECK(allocated < 64ull << 20);
	CHECK_EQ(disk_make(path, DISK_DEFAULT_BYTES, &err), -EEXIST);
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
	CHECK(disk_make(path, 1024, &err) < 0); /* mke2fs finds no room in it */
	CHECK(access(path, F_OK) < 0);
	CHECK(disk_make("/nonexistent/disk.img", DISK_MIN_BYTES, &err) < 0);
	free(path);
	folder_remove(folder, &paths);
}

TEST_MAIN()
