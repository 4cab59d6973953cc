/*
 * Names come, go and move: attacks F05 and F06.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;

TEST(fifos_and_sockets_are_made_devices_are_not)
{
	struct fuse_mknod_in in = { .mode = S_IFIFO | 0600 };

	client_init(&client, false);
	CHECK_EQ(client_name(&client, FUSE_MKNOD, client.root, &in, sizeof(in), "fifo"), 0);
	in.mode = S_IFSOCK | 0600;
	CHECK_EQ(client_name(&client, FUSE_MKNOD, client.root, &in, sizeof(in), "socket"), 0);
	in.mode = S_IFCHR | 0666;
	in.rdev = 0x103;
	CHECK_EQ(client_name(&client, FUSE_MKNOD, client.root, &in, sizeof(in), "null"), -EPERM);
	in.mode = S_IFBLK | 0666;
	CHECK_EQ(client_name(&client, FUSE_MKNOD, client.root, &in, sizeof(in), "disk"), -EPERM);
	in.mode = 0666;
	CHECK_EQ(client_name(&client, FUSE_MKNOD, client.root, &in, sizeof(in), "none"), -EPERM);
	client_finish(&client);
}

TEST(links_keep_their_text)
{
	static const char both[] = "link\0../../etc/passwd";
	uint64_t node;

	client_init(&client, false);
	CHECK_EQ(client_call(&client, FUSE_SYMLINK, client.root, NULL, 0, both, sizeof(both)), 0);
	node = client_entry(&client)->nodeid;
	CHECK_EQ(client_call(&client, FUSE_READLINK, node, NULL, 0, NULL, 0), 0);
	CHECK_EQ(client.body_len, strlen("../../etc/passwd"));
	CHECK_EQ(client_call(&client, FUSE_SYMLINK, client.root, NULL, 0, "x", 2), -EINVAL);
	CHECK_EQ(client_call(&client, FUSE_READLINK, client.root, NULL, 0, NULL, 0), -EINVAL);
	client_finish(&client);
}

TEST(hard_links_share_a_node)
{
	struct fuse_link_in in = { 0 };
	uint64_t node;

	client_init(&client, false);
	client_host_file(&client, "a", "x");
	node = in.oldnodeid = client_lookup(&client, client.root, "a");
	CHECK_EQ(client_name(&client, FUSE_LINK, client.root, &in, sizeof(in), "b"), 0);
	CHECK_EQ(client_entry(&client)->nodeid, node);
	CHECK_EQ(client_entry(&client)->attr.nlink, 2);
	CHECK_EQ(client_name(&client, FUSE_LINK, client.root, &in, sizeof(in), "b"), -EEXIST);
	/* of a symbolic link: the link itself */
	CHECK_EQ(symlinkat("/etc/passwd", client.folder, "sl"), 0);
	in.oldnodeid = client_lookup(&client, client.root, "sl");
	CHECK_EQ(client_name(&client, FUSE_LINK, client.root, &in, sizeof(in), "sl2"), 0);
	CHECK(S_ISLNK(client_entry(&client)->attr.mode));
	client_finish(&client);
}

TEST(links_and_renames_stay_within_a_mount)
{
	struct fuse_link_in in = { 0 };
	uint64_t other;
	int second;

	client_init(&client, false);
	client_host_file(&client, "a", "x");
	CHECK_EQ(mkdirat(client.folder, "second", 0755), 0);
	second = openat(client.folder, "second", O_PATH | O_CLOEXEC);
	CHECK_EQ(fs_mount(client.fs, "second", second, false), 0);
	other = client_lookup(&client, FUSE_ROOT_ID, "second");
	in.oldnodeid = client_lookup(&client, client.root, "a");
	CHECK_EQ(client_name(&client, FUSE_LINK, other, &in, sizeof(in), "b"), -EXDEV);
	CHECK_EQ(client_rename(&client, client.root, "a", other, "b", 0), -EXDEV);
	client_finish(&client);
}

TEST(renames_and_their_flags)
{
	uint64_t a, b;
	struct fuse_attr attr;

	client_init(&client, false);
	client_host_file(&client, "a", "a");
	client_host_file(&client, "b", "bb");
	a = client_lookup(&client, client.root, "a");
	b = client_lookup(&client, client.root, "b");
	CHECK_EQ(client_rename(&client, client.root, "a", client.root, "b", RENAME_NOREPLACE),
		 -EEXIST);
	CHECK_EQ(client_rename(&client, client.root, "a", client.root, "b", RENAME_EXCHANGE), 0);
	CHECK_EQ(client_lookup(&client, client.root, "a"), b);
	CHECK_EQ(client_lookup(&client, client.root, "b"), a);
	CHECK_EQ(client_rename(&client, client.root, "b", client.root, "a", 0), 0);
	CHECK_EQ(client_getattr(&client, a, &attr), 0);
	CHECK_EQ(attr.size, 1);
	CHECK_EQ(client_getattr(&client, b, &attr), 0); /* who just looked it up may open it */
	CHECK_EQ(attr.nlink, 0);
	CHECK_EQ(client_rename(&client, client.root, "a", client.root, "w", RENAME_WHITEOUT),
		 -EINVAL);
	CHECK_EQ(client_rename(&client, client.root, "a", client.root, "..", 0), -EINVAL);
	CHECK_EQ(client_rename(&client, client.root, "../x", client.root, "c", 0), -EINVAL);
	client_finish(&client);
}

TEST(a_moved_folder_keeps_what_is_in_it)
{
	uint64_t from, to, folder, node, fh;

	client_init(&client, false);
	CHECK_EQ(mkdirat(client.folder, "from", 0755), 0);
	CHECK_EQ(mkdirat(client.folder, "to", 0755), 0);
	CHECK_EQ(mkdirat(client.folder, "from/d", 0755), 0);
	client_host_file(&client, "from/d/f", "x");
	from = client_lookup(&client, client.root, "from");
	to = client_lookup(&client, client.root, "to");
	folder = client_lookup(&client, from, "d");
	node = client_lookup(&client, folder, "f");
	CHECK_EQ(client_rename(&client, from, "d", to, "e", 0), 0);
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), 0);
	CHECK_EQ(client_lookup(&client, to, "e"), folder);
	CHECK_EQ(client_lookup(&client, folder, "f"), node);
	client_finish(&client);
}

TEST(removal)
{
	client_init(&client, false);
	client_host_file(&client, "f", "");
	CHECK_EQ(mkdirat(client.folder, "d", 0755), 0);
	CHECK_EQ(client_name(&client, FUSE_RMDIR, client.root, NULL, 0, "f"), -ENOTDIR);
	CHECK_EQ(client_name(&client, FUSE_UNLINK, client.root, NULL, 0, "d"), -EISDIR);
	CHECK_EQ(client_name(&client, FUSE_UNLINK, client.root, NULL, 0, "f"), 0);
	CHECK_EQ(client_name(&client, FUSE_RMDIR, client.root, NULL, 0, "d"), 0);
	CHECK_EQ(client_name(&client, FUSE_UNLINK, client.root, NULL, 0, "../f"), -EINVAL);
	CHECK_EQ(client_name(&client, FUSE_RMDIR, FUSE_ROOT_ID, NULL, 0, "m"), -EROFS);
	client_finish(&client);
}

TEST_MAIN()
