#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
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

TEST_MAIN()
