#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char root[] = "/tmp/sbx-test-file-XXXXXX";
static int dir;

TEST(setup)
{
	CHECK(mkdtemp(root) != NULL);
	dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(dir >= 0);
}

TEST(write_replaces_whole)
{
	struct buf buf;

	buf_init(&buf, 100);
	CHECK_EQ(file_write(dir, "state", "first", 5, 0600), 0);
	CHECK_EQ(file_write(dir, "state", "2nd", 3, 0600), 0);
	CHECK_EQ(file_read(dir, "state", &buf), 0);
	CHECK_STR(buf_str(&buf), "2nd");
	CHECK_EQ(faccessat(dir, "state.new", F_OK, 0), -1);
	buf_finish(&buf);
}

TEST(a_failed_write_leaves_the_old_content)
{
	struct buf buf;

	buf_init(&buf, 100);
	CHECK_EQ(mkdirat(dir, "folder", 0700), 0);
	CHECK_EQ(file_write(dir, "keep", "old", 3, 0600), 0);
	/* the temporary cannot be made: its name is taken by a folder */
	CHECK_EQ(mkdirat(dir, "keep.new", 0700), 0);
	CHECK_EQ(file_write(dir, "keep", "new", 3, 0600), -EISDIR);
	CHECK_EQ(file_read(dir, "keep", &buf), 0);
	CHECK_STR(buf_str(&buf), "old");
	buf_finish(&buf);
}

TEST(read_refuses_more_than_the_buffer_may_hold)
{
	struct buf buf;

	CHECK_EQ(file_write(dir, "five", "12345", 5, 0600), 0);
	buf_init(&buf, 4);
	CHECK_EQ(file_read(dir, "five", &buf), -EFBIG);
	buf_finish(&buf);
	buf_init(&buf, 5);
	CHECK_EQ(file_read(dir, "five", &buf), 0);
	CHECK_EQ(buf.len, 5);
	buf_finish(&buf);
}

TEST(remove_tree_does_not_follow_links)
{
	CHECK_EQ(mkdirat(dir, "outside", 0700), 0);
	CHECK_EQ(file_write(dir, "outside/precious", "x", 1, 0600), 0);
	CHECK_EQ(mkdirat(dir, "tree", 0700), 0);
	CHECK_EQ(mkdirat(dir, "tree/sub", 0700), 0);
	CHECK_EQ(symlinkat("../../outside", dir, "tree/sub/link"), 0);
	CHECK_EQ(file_remove_tree(dir, "tree"), 0);
	CHECK_EQ(faccessat(dir, "tree", F_OK, 0), -1);
	CHECK_EQ(faccessat(dir, "outside/precious", F_OK, 0), 0);
	CHECK_EQ(file_remove_tree(dir, "never-was"), 0);
}

TEST(makes_missing_parents)
{
	char path[100];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/a/b/c", root);
	CHECK_EQ(file_make_folders(path, 0700), 0);
	CHECK_EQ(file_make_folders(path, 0700), 0);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0700);
}

TEST(cleanup)
{
	(void)close(dir);
	CHECK_EQ(file_remove_tree(AT_FDCWD, root), 0);
	CHECK_EQ(access(root, F_OK), -1);
}

TEST_MAIN()
