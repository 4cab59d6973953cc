#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

enum { FILES = 700 };

static struct client client;

/* Lists a folder in pieces of `size`; counts entries, and plus ones that have an id. */
static int list(uint64_t node, bool plus, uint32_t size, int *ret_entries, int *ret_ids)
{
	struct fuse_read_in in = { .size = size };
	size_t head = plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET;

	*ret_entries = *ret_ids = 0;
	for (;;) {
		int r = client_call(&client, plus ? FUSE_READDIRPLUS : FUSE_READDIR, node, &in,
				    sizeof(in), NULL, 0);
		size_t at = 0;

		if (r < 0 || client.body_len == 0)
			return r;
		if (client.body_len > size)
			return -EMSGSIZE;
		while (at < client.body_len) {
			struct fuse_direntplus entry;

			memcpy(plus ? (void *)&entry : (void *)&entry.dirent, client.body + at,
			       head);
			at += FUSE_DIRENT_ALIGN(head + entry.dirent.namelen);
			in.offset = entry.dirent.off;
			(*ret_entries)++;
			*ret_ids += plus && entry.entry_out.nodeid != 0;
		}
	}
}

static void make_files(void)
{
	char name[16];

	for (int i = 0; i < FILES; i++) {
		(void)snprintf(name, sizeof(name), "file%d", i);
		client_host_file(&client, name, "");
	}
}

TEST(every_entry_comes_once)
{
	int entries, ids;

	client_init(&client, false);
	make_files();
	CHECK_EQ(list(client.root, false, 4096, &entries, &ids), 0);
	CHECK_EQ(entries, FILES + 2);
	CHECK_EQ(list(client.root, false, 300, &entries, &ids), 0);
	CHECK_EQ(entries, FILES + 2);
	CHECK_EQ(list(client.root, true, 4096, &entries, &ids), 0);
	CHECK_EQ(entries, FILES + 2);
	CHECK_EQ(ids, FILES);
	client_finish(&client);
}

TEST(the_root_lists_its_mounts)
{
	int entries, ids;

	client_init(&client, false);
	CHECK_EQ(list(FUSE_ROOT_ID, false, 4096, &entries, &ids), 0);
	CHECK_EQ(entries, 1);
	CHECK_EQ(list(FUSE_ROOT_ID, true, 4096, &entries, &ids), 0);
	CHECK_EQ(ids, 1);
	client_finish(&client);
}

TEST(positions_from_nowhere_do_no_harm)
{
	struct fuse_read_in in = { .size = 4096, .offset = UINT64_MAX };

	client_init(&client, false);
	make_files();
	(void)client_call(&client, FUSE_READDIR, client.root, &in, sizeof(in), NULL, 0);
	CHECK_EQ(client_call(&client, FUSE_READDIR, FUSE_ROOT_ID, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(client.body_len, 0);
	in = (struct fuse_read_in){ .size = 5 };
	CHECK_EQ(client_call(&client, FUSE_READDIR, client.root, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(client.body_len, 0);
	client_finish(&client);
}

TEST(a_file_has_no_entries)
{
	struct fuse_read_in in = { .size = 4096 };
	uint64_t node;

	client_init(&client, false);
	client_host_file(&client, "f", "");
	node = client_lookup(&client, client.root, "f");
	CHECK_EQ(client_call(&client, FUSE_READDIR, node, &in, sizeof(in), NULL, 0), -ENOTDIR);
	client_finish(&client);
}

/* More folders are listed at once than there are streams. */
TEST(many_listings_interleave)
{
	uint64_t folder[20], offset[20] = { 0 };
	int seen = 0;
	char name[16];

	client_init(&client, false);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "d%d", i);
		CHECK_EQ(mkdirat(client.folder, name, 0755), 0);
		folder[i] = client_lookup(&client, client.root, name);
		(void)snprintf(name, sizeof(name), "d%d/a", i);
		client_host_file(&client, name, "");
	}
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 20; i++) {
			struct fuse_read_in in = { .size = 48, .offset = offset[i] };
			struct fuse_dirent entry;

			CHECK_EQ(client_call(&client, FUSE_READDIR, folder[i], &in, sizeof(in),
					     NULL, 0),
				 0);
			CHECK(client.body_len >= FUSE_NAME_OFFSET);
			memcpy(&entry, client.body, FUSE_NAME_OFFSET);
			offset[i] = entry.off;
			seen++;
		}
	CHECK_EQ(seen, 60);
	client_finish(&client);
}

static void touch_one(struct client *c)
{
	client_host_file(c, "file0", "changed");
}

/* Each entry that comes with attributes is a lookup to count, an inode to find, and work for the
 * guest. */
TEST(what_the_guest_knows_is_not_told_again)
{
	int entries, ids;
	uint64_t node, fh;

	client_init(&client, true);
	client_host_file(&client, "file0", "");
	client_host_file(&client, "file1", "");
	client_host_file(&client, "file2", "");
	CHECK_EQ(list(client.root, true, 4096, &entries, &ids), 0);
	CHECK_EQ(ids, 3);
	client_watch(&client);
	CHECK_EQ(list(client.root, true, 4096, &entries, &ids), 0);
	CHECK_EQ(entries, 5);
	CHECK_EQ(ids, 0);
	/* but what the host or the guest changed meanwhile */
	client_as_host(&client, touch_one);
	client_watch(&client);
	CHECK_EQ(list(client.root, true, 4096, &entries, &ids), 0);
	CHECK_EQ(ids, 1);
	node = client_lookup(&client, client.root, "file1");
	CHECK_EQ(client_open(&client, node, O_RDWR, &fh), 0);
	CHECK_EQ(client_write(&client, node, fh, 0, "x", 1), 0);
	CHECK_EQ(list(client.root, true, 4096, &entries, &ids), 0);
	CHECK_EQ(ids, 1);
	/* and what it forgot: one by listing, one by LOOKUP, one by listing again */
	client_forget(&client, node, 3);
	CHECK_EQ(list(client.root, true, 4096, &entries, &ids), 0);
	CHECK_EQ(ids, 1);
	client_finish(&client);
}

TEST_MAIN()
