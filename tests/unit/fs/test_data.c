#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;
static uint64_t node, fh;

static void begin(void)
{
	client_init(&client, false);
	(void)client_create(&client, client.root, "f", O_RDWR, 0644, &node, &fh);
}

TEST(bytes_go_into_scattered_buffers)
{
	struct fuse_in_header head = { .opcode = FUSE_READ };
	struct fuse_read_in in = { .size = 10 };
	uint8_t out[16 + 10];
	struct iovec from[] = { { &head, 20 }, { (char *)&head + 20, 20 }, { &in, sizeof(in) } };
	struct iovec to[] = { { out, 7 }, { out + 7, 12 }, { out + 19, 7 } };

	begin();
	CHECK_EQ(client_write(&client, node, fh, 0, "0123456789", 10), 0);
	head.len = sizeof(head) + sizeof(in);
	head.nodeid = node;
	in.fh = fh;
	CHECK_EQ(fs_serve(client.fs, from, 3, to, 3, 0), 26);
	CHECK_MEM(out + 16, "0123456789", 10);
	client_finish(&client);
}

TEST(ranges_that_cannot_be_are_refused)
{
	begin();
	CHECK_EQ(client_read(&client, node, fh, UINT64_MAX, 10), -EINVAL);
	CHECK_EQ(client_read(&client, node, fh, INT64_MAX, 10), -EINVAL);
	CHECK_EQ(client_write(&client, node, fh, UINT64_MAX - 1, "abc", 3), -EFBIG);
	client_finish(&client);
}

/* The size says more than there is. */
TEST(a_write_without_its_bytes_is_refused)
{
	struct fuse_write_in in = { .size = 1000 };

	begin();
	in.fh = fh;
	CHECK_EQ(client_call(&client, FUSE_WRITE, node, &in, sizeof(in), "abc", 3), -EINVAL);
	client_finish(&client);
}

TEST(holes_are_found_and_punched)
{
	struct fuse_lseek_in seek = { .whence = SEEK_DATA };
	struct fuse_fallocate_in punch = {
		.length = 1 << 20,
		.mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	};
	const struct fuse_lseek_out *out = (const void *)client.body;

	begin();
	CHECK_EQ(client_write(&client, node, fh, 1 << 20, "x", 1), 0);
	seek.fh = punch.fh = fh;
	CHECK_EQ(client_call(&client, FUSE_LSEEK, node, &seek, sizeof(seek), NULL, 0), 0);
	CHECK_EQ(out->offset, 1 << 20);
	punch.offset = 1 << 20;
	CHECK_EQ(client_call(&client, FUSE_FALLOCATE, node, &punch, sizeof(punch), NULL, 0), 0);
	CHECK_EQ(client_call(&client, FUSE_LSEEK, node, &seek, sizeof(seek), NULL, 0), -ENXIO);
	punch.mode = 0x80000000;
	CHECK_EQ(client_call(&client, FUSE_FALLOCATE, node, &punch, sizeof(punch), NULL, 0),
		 -EOPNOTSUPP);
	seek.whence = SEEK_END;
	CHECK_EQ(client_call(&client, FUSE_LSEEK, node, &seek, sizeof(seek), NULL, 0), -EINVAL);
	client_finish(&client);
}

TEST(ranges_are_copied_on_the_host)
{
	struct fuse_copy_file_range_in in = { .off_in = 1, .len = 3 };
	uint64_t other, other_fh;

	begin();
	CHECK_EQ(client_write(&client, node, fh, 0, "abcde", 5), 0);
	CHECK_EQ(client_create(&client, client.root, "g", O_RDWR, 0644, &other, &other_fh), 0);
	in.fh_in = fh;
	in.nodeid_out = other;
	in.fh_out = other_fh;
	CHECK_EQ(client_call(&client, FUSE_COPY_FILE_RANGE, node, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(client_read(&client, other, other_fh, 0, 10), 0);
	CHECK_EQ(client.body_len, 3);
	CHECK_MEM(client.body, "bcd", 3);
	client_finish(&client);
}

TEST(syncs_are_done)
{
	struct fuse_fsync_in in = { .fsync_flags = FUSE_FSYNC_FDATASYNC };

	begin();
	in.fh = fh;
	CHECK_EQ(client_call(&client, FUSE_FSYNC, node, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(client_call(&client, FUSE_FSYNCDIR, client.root, &in, sizeof(in), NULL, 0), 0);
	in.fh = 77;
	CHECK_EQ(client_call(&client, FUSE_FSYNC, node, &in, sizeof(in), NULL, 0), -EBADF);
	client_finish(&client);
}

/* The record behind a name of /proc comes in pieces, as from a disk that fails between them. */
TEST(a_short_answer_of_the_host_is_not_the_end)
{
	uint64_t maps;

	client_init(&client, false);
	CHECK_EQ(fs_mount(client.fs, "proc", open("/proc/self/smaps", O_PATH | O_CLOEXEC), true),
		 0);
	maps = client_lookup(&client, FUSE_ROOT_ID, "proc");
	CHECK_EQ(client_open(&client, maps, O_RDONLY, &fh), 0);
	CHECK_EQ(client_read(&client, maps, fh, 0, 16384), 0);
	CHECK_EQ(client.body_len, 16384);
	client_finish(&client);
}

static int write_with(uint32_t flags, uint32_t write_flags, uint64_t offset, const char *bytes)
{
	struct fuse_write_in in = {
		.fh = fh,
		.offset = offset,
		.size = (uint32_t)strlen(bytes),
		.flags = flags,
		.write_flags = write_flags,
	};

	return client_call(&client, FUSE_WRITE, node, &in, sizeof(in), bytes, in.size);
}

static uint32_t written(void)
{
	return ((const struct fuse_write_out *)(const void *)client.body)->size;
}

/* What a mapping left has no writer who would ask for the rest. */
TEST(pages_are_written_whole_or_not_at_all)
{
	struct rlimit limit, short_limit;

	begin();
	(void)signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
	short_limit = (struct rlimit){ .rlim_cur = 6, .rlim_max = limit.rlim_max };
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &short_limit), 0);
	CHECK_EQ(write_with(O_RDWR, 0, 0, "0123456789"), 0);
	CHECK_EQ(written(), 6);
	CHECK_EQ(write_with(0, FUSE_WRITE_CACHE, 0, "0123456789"), -EFBIG);
	CHECK_EQ(write_with(O_RDWR, 0, 6, "6789"), -EFBIG);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	client_finish(&client);
}

static void check_content(const char *want)
{
	char got[64] = "";
	int fd = openat(client.folder, "f", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, got, sizeof(got) - 1) >= 0 && close(fd) == 0);
	CHECK_STR(got, want);
}

TEST(each_write_says_whether_it_goes_to_the_end)
{
	client_init(&client, false);
	(void)client_create(&client, client.root, "f", O_RDWR | O_APPEND, 0644, &node, &fh);
	CHECK_EQ(write_with(O_RDWR | O_APPEND, 0, 0, "one"), 0);
	/* fcntl(2) took the flag away; then a page of a mapping, whatever the flags say */
	CHECK_EQ(write_with(O_RDWR, 0, 0, "O"), 0);
	CHECK_EQ(write_with(O_RDWR | O_APPEND, FUSE_WRITE_CACHE, 1, "N"), 0);
	check_content("ONe");
	CHECK_EQ(client_open(&client, node, O_RDWR, &fh), 0);
	CHECK_EQ(write_with(O_RDWR | O_APPEND, 0, 0, "two"), 0);
	check_content("ONetwo");
	client_finish(&client);
}

static void lengthen(struct client *c)
{
	client_host_file(c, "f", "longer");
}

TEST(a_write_behind_what_the_host_added_makes_pages_stale)
{
	client_init(&client, true);
	(void)client_create(&client, client.root, "f", O_RDWR | O_APPEND, 0644, &node, &fh);
	CHECK_EQ(write_with(O_RDWR | O_APPEND, 0, 0, "one"), 0);
	CHECK_EQ(client.notes, 0);
	client_as_host(&client, lengthen);
	CHECK_EQ(write_with(O_RDWR | O_APPEND, 0, 3, "two"), 0);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, node, NULL));
	check_content("longertwo");
	client_finish(&client);
}

TEST_MAIN()
