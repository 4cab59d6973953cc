#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;

TEST(a_file_is_made_written_and_read)
{
	uint64_t node, fh;

	client_init(&client, false);
	CHECK_EQ(client_create(&client, client.root, "f", O_RDWR | O_EXCL, 0666, &node, &fh), 0);
	CHECK_EQ(client_entry(&client)->attr.mode, S_IFREG | 0644);
	CHECK_EQ(client_write(&client, node, fh, 2, "hello", 5), 0);
	CHECK_EQ(client_read(&client, node, fh, 0, 100), 0);
	CHECK_EQ(client.body_len, 7);
	CHECK_MEM(client.body, "\0\0hello", 7);
	CHECK_EQ(client_release(&client, node, fh), 0);
	CHECK_EQ(client_release(&client, node, fh), -EBADF);
	CHECK_EQ(client_read(&client, node, fh, 0, 100), -EBADF);
	client_finish(&client);
}

TEST(create_takes_an_existing_file_unless_exclusive)
{
	uint64_t node, fh, again;

	client_init(&client, false);
	client_host_file(&client, "f", "there");
	CHECK_EQ(client_create(&client, client.root, "f", O_RDWR | O_EXCL, 0666, &node, &fh),
		 -EEXIST);
	CHECK_EQ(client_create(&client, client.root, "f", O_RDWR, 0666, &node, &fh), 0);
	CHECK_EQ(client_read(&client, node, fh, 0, 100), 0);
	CHECK_EQ(client.body_len, 5);
	CHECK_EQ(client_create(&client, client.root, "f", O_RDWR | O_TRUNC, 0666, &again, &fh), 0);
	CHECK_EQ(again, node);
	CHECK_EQ(client_read(&client, node, fh, 0, 100), 0);
	CHECK_EQ(client.body_len, 0);
	client_finish(&client);
}

/* F06: something else waits under the name. */
TEST(create_does_not_open_what_is_no_file)
{
	uint64_t node, fh;

	client_init(&client, false);
	CHECK_EQ(mkfifoat(client.folder, "fifo", 0600), 0);
	CHECK_EQ(symlinkat("/etc/passwd", client.folder, "link"), 0);
	CHECK_EQ(mkdirat(client.folder, "folder", 0700), 0);
	CHECK_EQ(client_create(&client, client.root, "fifo", O_WRONLY, 0666, &node, &fh),
		 -EOPNOTSUPP);
	CHECK_EQ(client_create(&client, client.root, "link", O_RDWR, 0666, &node, &fh),
		 -EOPNOTSUPP);
	CHECK_EQ(client_create(&client, client.root, "folder", O_RDONLY, 0666, &node, &fh),
		 -EISDIR);
	node = client_lookup(&client, client.root, "fifo");
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), -EOPNOTSUPP);
	client_finish(&client);
}

TEST(a_nameless_file_gets_a_name_later)
{
	struct fuse_create_in in = { .flags = O_RDWR, .mode = S_IFREG | 0600 };
	struct fuse_link_in link = { 0 };
	uint64_t fh;

	client_init(&client, false);
	CHECK_EQ(client_name(&client, FUSE_TMPFILE, client.root, &in, sizeof(in), ""), 0);
	link.oldnodeid = client_entry(&client)->nodeid;
	fh = ((const struct fuse_open_out *)(const void *)(client_entry(&client) + 1))->fh;
	CHECK_EQ(client_write(&client, link.oldnodeid, fh, 0, "abc", 3), 0);
	CHECK_EQ(client_name(&client, FUSE_LINK, client.root, &link, sizeof(link), "named"), 0);
	CHECK_EQ(client_entry(&client)->nodeid, link.oldnodeid);
	CHECK_EQ(client_entry(&client)->attr.size, 3);
	CHECK_EQ(client_release(&client, link.oldnodeid, fh), 0);
	CHECK_EQ(client_open(&client, link.oldnodeid, O_RDONLY, &fh), 0);
	client_finish(&client);
}

TEST(open_files_are_bounded)
{
	uint64_t node, fh[4];

	client_init_limited(&client, false, 0, 0, 3);
	client_host_file(&client, "f", "");
	node = client_lookup(&client, client.root, "f");
	for (int i = 0; i < 3; i++)
		CHECK_EQ(client_open(&client, node, O_RDONLY, &fh[i]), 0);
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh[3]), -ENFILE);
	CHECK_EQ(client_release(&client, node, fh[1]), 0);
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh[3]), 0);
	CHECK(fh[3] != fh[1]);
	CHECK_EQ(client_read(&client, node, fh[1], 0, 1), -EBADF);
	client_finish(&client);
}

TEST(handles_belong_to_their_node)
{
	uint64_t first, second, fh;

	client_init(&client, false);
	client_host_file(&client, "a", "secret");
	client_host_file(&client, "b", "");
	first = client_lookup(&client, client.root, "a");
	second = client_lookup(&client, client.root, "b");
	CHECK_EQ(client_open(&client, first, O_RDONLY, &fh), 0);
	CHECK_EQ(client_read(&client, second, fh, 0, 10), -EBADF);
	CHECK_EQ(client_read(&client, first, 0, 0, 10), -EBADF);
	CHECK_EQ(client_read(&client, first, UINT64_MAX, 0, 10), -EBADF);
	client_finish(&client);
}

TEST(folders_held_are_bounded)
{
	uint64_t folder[4];
	char name[4];

	client_init_limited(&client, false, 0, 2, 0);
	for (int i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof(name), "d%d", i);
		CHECK_EQ(mkdirat(client.folder, name, 0755), 0);
		folder[i] = client_lookup(&client, client.root, name);
		(void)client_lookup(&client, folder[i], "x");
		CHECK_EQ(client.head.error, i < 2 ? -ENOENT : -ENFILE);
	}
	client_forget(&client, folder[0], 1);
	CHECK_EQ(client_lookup(&client, folder[3], "x"), 0);
	CHECK_EQ(client.head.error, -ENOENT);
	client_finish(&client);
}

TEST(opening_to_read_can_cut_too)
{
	struct fuse_attr attr;
	uint64_t node, fh;

	client_init(&client, false);
	client_host_file(&client, "f", "content");
	node = client_lookup(&client, client.root, "f");
	CHECK_EQ(client_open(&client, node, O_RDONLY | O_TRUNC, &fh), 0);
	CHECK_EQ(client_getattr(&client, node, &attr), 0);
	CHECK_EQ(attr.size, 0);
	client_finish(&client);
}

static uint32_t flags_of_new(const char *name, uint32_t flags)
{
	uint64_t node, fh;

	if (client_create(&client, client.root, name, flags, 0644, &node, &fh) < 0)
		return 0;
	return ((const struct fuse_open_out *)(const void *)(client_entry(&client) + 1))
		->open_flags;
}

/* A process that ends gives its record locks back by FLUSH, also on a file that it found new. */
TEST(closing_a_file_that_others_may_lock_is_told)
{
	client_init(&client, false);
	CHECK_EQ(flags_of_new("lock", O_RDWR) & FOPEN_NOFLUSH, 0);
	CHECK_EQ(flags_of_new("own", O_WRONLY | O_EXCL) & FOPEN_NOFLUSH, FOPEN_NOFLUSH);
	client_finish(&client);
}

TEST_MAIN()
