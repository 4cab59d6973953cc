#include <errno.h>

#include "base/check.h"
#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;

TEST(what_is_no_request_is_said_to_be_none)
{
	uint8_t few[20] = { 0 };
	struct iovec in = { few, sizeof(few) }, out = { client.body, 100 };

	client_init(&client, false);
	CHECK_EQ(fs_serve(client.fs, &in, 1, &out, 1, 0), -EPROTO);
	CHECK_EQ(fs_serve(client.fs, NULL, 0, NULL, 0, 0), -EPROTO);
	client_finish(&client);
}

TEST(lengths_must_agree)
{
	struct fuse_in_header head = { .len = 41, .opcode = FUSE_GETATTR, .nodeid = 1 };
	struct iovec in = { &head, sizeof(head) };
	struct iovec out = { &client.head, sizeof(client.head) };

	client_init(&client, false);
	CHECK_EQ(fs_serve(client.fs, &in, 1, &out, 1, 0), sizeof(client.head));
	CHECK_EQ(client.head.error, -EINVAL);
	head.len = 40; /* and the arguments are missing */
	CHECK_EQ(fs_serve(client.fs, &in, 1, &out, 1, 0), sizeof(client.head));
	CHECK_EQ(client.head.error, -EINVAL);
	client_finish(&client);
}

TEST(unknown_operations_do_not_exist)
{
	client_init(&client, false);
	CHECK_EQ(client_call(&client, 0, client.root, NULL, 0, NULL, 0), -ENOSYS);
	CHECK_EQ(client_call(&client, FUSE_OPENDIR, client.root, NULL, 0, NULL, 0), -ENOSYS);
	CHECK_EQ(client_call(&client, 99, client.root, NULL, 0, NULL, 0), -ENOSYS);
	CHECK_EQ(client_call(&client, UINT32_MAX, client.root, NULL, 0, NULL, 0), -ENOSYS);
	client_finish(&client);
}

TEST(a_reply_without_room_is_an_error_and_leaves_nothing)
{
	char name[] = "f";
	struct fuse_in_header head = { .len = 42, .opcode = FUSE_LOOKUP };
	struct iovec in[] = { { &head, sizeof(head) }, { name, sizeof(name) } };
	struct iovec out = { &client.head, sizeof(client.head) };
	struct fuse_attr attr;
	uint64_t node;

	client_init(&client, false);
	client_host_file(&client, "f", "");
	head.nodeid = client.root;
	CHECK_EQ(fs_serve(client.fs, in, 2, &out, 1, 0), sizeof(client.head));
	CHECK_EQ(client.head.error, -EIO);
	out.iov_len = 3;
	CHECK_EQ(fs_serve(client.fs, in, 2, &out, 1, 0), 0);
	node = client_lookup(&client, client.root, "f");
	client_forget(&client, node, 1);
	CHECK_EQ(client_getattr(&client, node, &attr), -ESTALE);
	client_finish(&client);
}

TEST(sessions_agree_on_what_both_can)
{
	struct fuse_init_in in = { .major = 7, .minor = 36 };
	const struct fuse_init_out *out = (const void *)client.body;

	client_init(&client, false);
	CHECK_EQ(client_call(&client, FUSE_INIT, 0, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(out->major, 7);
	CHECK_EQ(out->flags, 0);
	CHECK_EQ(out->max_write, 1 << 20);
	in.flags = FUSE_ASYNC_READ | FUSE_WRITEBACK_CACHE | FUSE_POSIX_ACL | FUSE_EXPORT_SUPPORT;
	CHECK_EQ(client_call(&client, FUSE_INIT, 0, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(out->flags, FUSE_ASYNC_READ);
	in.minor = 10;
	CHECK_EQ(client_call(&client, FUSE_INIT, 0, &in, sizeof(in), NULL, 0), -EPROTO);
	in.major = 8;
	CHECK_EQ(client_call(&client, FUSE_INIT, 0, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(out->major, 7);
	CHECK_EQ(client_call(&client, FUSE_INIT, 0, &in, 8, NULL, 0), -EINVAL);
	client_finish(&client);
}

TEST(a_new_session_knows_nothing_of_the_last)
{
	struct fuse_init_in in = { .major = 7, .minor = 38 };
	struct fuse_attr attr;
	uint64_t node, fh;

	client_init(&client, false);
	client_host_file(&client, "f", "x");
	node = client_lookup(&client, client.root, "f");
	CHECK_EQ(client_open(&client, node, 0, &fh), 0);
	CHECK_EQ(client_call(&client, FUSE_INIT, 0, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(client_getattr(&client, node, &attr), -ESTALE);
	CHECK(client_lookup(&client, FUSE_ROOT_ID, "m") == client.root);
	CHECK_EQ(client_call(&client, FUSE_DESTROY, 0, NULL, 0, NULL, 0), 0);
	client_finish(&client);
}

TEST(file_systems_tell_their_size)
{
	const struct fuse_statfs_out *out = (const void *)client.body;

	client_init(&client, false);
	CHECK_EQ(client_call(&client, FUSE_STATFS, client.root, NULL, 0, NULL, 0), 0);
	CHECK(out->st.blocks > 0);
	CHECK_EQ(out->st.namelen, 255);
	CHECK_EQ(client_call(&client, FUSE_STATFS, FUSE_ROOT_ID, NULL, 0, NULL, 0), 0);
	client_finish(&client);
}

TEST_MAIN()
