/*
 * Owners, modes, times and sizes: attack F07.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;

static int setattr(uint64_t node, const struct fuse_setattr_in *in)
{
	return client_call(&client, FUSE_SETATTR, node, in, sizeof(*in), NULL, 0);
}

static mode_t host_mode(const char *name)
{
	struct stat stat;

	return fstatat(client.folder, name, &stat, AT_SYMLINK_NOFOLLOW) < 0 ? 0
									    : stat.st_mode & 07777;
}

TEST(everything_belongs_to_the_agent)
{
	struct fuse_attr attr;
	uint64_t node;

	client_init(&client, false);
	client_host_file(&client, "f", "abc");
	node = client_lookup(&client, client.root, "f");
	CHECK_EQ(client_getattr(&client, node, &attr), 0);
	CHECK_EQ(attr.uid, 1000);
	CHECK_EQ(attr.gid, 1000);
	CHECK_EQ(attr.size, 3);
	CHECK_EQ(client_getattr(&client, FUSE_ROOT_ID, &attr), 0);
	CHECK_EQ(attr.uid, 1000);
	CHECK(S_ISDIR(attr.mode));
	client_finish(&client);
}

TEST(owners_change_to_what_they_are_only)
{
	struct fuse_setattr_in in = { .valid = FATTR_UID | FATTR_GID, .uid = 1000, .gid = 1000 };
	uint64_t node;

	client_init(&client, false);
	client_host_file(&client, "f", "");
	node = client_lookup(&client, client.root, "f");
	CHECK_EQ(setattr(node, &in), 0);
	in.uid = 0;
	CHECK_EQ(setattr(node, &in), -EPERM);
	in = (struct fuse_setattr_in){ .valid = FATTR_GID, .gid = 27 };
	CHECK_EQ(setattr(node, &in), -EPERM);
	client_finish(&client);
}

TEST(set_id_bits_never_reach_the_host)
{
	struct fuse_setattr_in in = { .valid = FATTR_MODE, .mode = S_IFREG | 06755 };
	struct fuse_mkdir_in mkdir_in = { .mode = 06777, .umask = 022 };
	struct fuse_mknod_in mknod_in = { .mode = S_IFREG | 06777, .umask = 0 };
	uint64_t node, fh;

	client_init(&client, false);
	CHECK_EQ(client_create(&client, client.root, "c", O_RDWR, 06777, &node, &fh), 0);
	CHECK_EQ(host_mode("c"), 0755);
	CHECK_EQ(setattr(node, &in), 0);
	CHECK_EQ(host_mode("c"), 0755);
	CHECK_EQ(client_name(&client, FUSE_MKDIR, client.root, &mkdir_in, sizeof(mkdir_in), "d"),
		 0);
	CHECK_EQ(host_mode("d"), 0755);
	CHECK_EQ(client_name(&client, FUSE_MKNOD, client.root, &mknod_in, sizeof(mknod_in), "n"),
		 0);
	CHECK_EQ(host_mode("n"), 0777);
	/* nor do the host's reach the guest */
	CHECK_EQ(fchmodat(client.folder, "n", 06755, 0), 0);
	node = client_lookup(&client, client.root, "n");
	CHECK_EQ(client_entry(&client)->attr.mode, S_IFREG | 0755);
	client_finish(&client);
}

TEST(a_mode_is_never_set_through_a_link)
{
	struct fuse_setattr_in in = { .valid = FATTR_MODE, .mode = 0777 };
	uint64_t node;

	client_init(&client, false);
	client_host_file(&client, "target", "");
	CHECK_EQ(symlinkat("target", client.folder, "link"), 0);
	node = client_lookup(&client, client.root, "link");
	CHECK_EQ(setattr(node, &in), -EOPNOTSUPP);
	CHECK_EQ(host_mode("target"), 0644);
	client_finish(&client);
}

TEST(size_and_times_are_set)
{
	struct fuse_setattr_in in = {
		.valid = FATTR_SIZE | FATTR_MTIME,
		.size = 10000,
		.mtime = 1234567890,
		.mtimensec = 987654321,
	};
	struct fuse_attr attr;
	uint64_t node;

	client_init(&client, false);
	client_host_file(&client, "f", "abc");
	node = client_lookup(&client, client.root, "f");
	CHECK_EQ(setattr(node, &in), 0);
	CHECK_EQ(client_getattr(&client, node, &attr), 0);
	CHECK_EQ(attr.size, 10000);
	CHECK_EQ(attr.mtime, 1234567890);
	CHECK_EQ(attr.mtimensec, 987654321);
	in = (struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = UINT64_MAX };
	CHECK_EQ(setattr(node, &in), -EFBIG);
	client_finish(&client);
}

TEST(what_is_watched_may_be_kept)
{
	const struct fuse_attr_out *out = (const void *)client.body;
	struct fuse_attr attr;
	uint64_t node;

	client_init(&client, true);
	client_host_file(&client, "f", "abc");
	node = client_lookup(&client, client.root, "f");
	CHECK(client_entry(&client)->attr_valid > 3600);
	CHECK(client_entry(&client)->entry_valid > 3600);
	/* a second name may be changed where nobody looks */
	CHECK_EQ(linkat(client.folder, "f", client.folder, "g", 0), 0);
	CHECK_EQ(client_getattr(&client, node, &attr), 0);
	CHECK_EQ(out->attr_valid, 0);
	client_finish(&client);

	client_init(&client, false);
	client_host_file(&client, "f", "abc");
	CHECK(client_lookup(&client, client.root, "f") != 0);
	CHECK_EQ(client_entry(&client)->attr_valid, 0);
	CHECK_EQ(client_entry(&client)->entry_valid, 0);
	client_finish(&client);
}

TEST_MAIN()
