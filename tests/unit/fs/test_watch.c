/*
 * Changes made on the host by others: attack F18. What the guest does itself
 * must not come back to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/session.h"
#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

enum { NOTIFY_FSNOTIFY = 100 };

static struct client client;

struct event {
	uint64_t folder, node;
	uint32_t mask, namelen, cookie, padding;
	char name[256];
};

/* The first event for guest watchers with all bits of mask; false when there is none. */
static bool event_with(uint32_t mask, struct event *ret)
{
	for (size_t i = 0; i < client.notes; i++) {
		if (client.note[i].code != NOTIFY_FSNOTIFY)
			continue;
		memset(ret, 0, sizeof(*ret));
		memcpy(ret, client.note[i].bytes, client.note[i].len);
		if ((ret->mask & mask) == mask)
			return true;
	}
	return false;
}

static void write_f(struct client *c)
{
	client_host_file(c, "f", "changed");
}

static void remove_f(struct client *c)
{
	(void)unlinkat(c->folder, "f", 0);
}

static void move_f(struct client *c)
{
	(void)renameat(c->folder, "f", c->folder, "g");
}

static void replace_f(struct client *c)
{
	client_host_file(c, "new", "new");
	(void)renameat(c->folder, "new", c->folder, "f");
}

static void make_folder(struct client *c)
{
	(void)mkdirat(c->folder, "d", 0755);
}

static void chmod_folder(struct client *c)
{
	(void)fchmodat(c->folder, ".", 0711, 0);
}

static uint64_t begin(void)
{
	uint64_t node;

	client_init(&client, true);
	client_host_file(&client, "f", "x");
	node = client_lookup(&client, client.root, "f");
	client_watch(&client);
	return node;
}

TEST(a_write_makes_pages_and_attributes_stale)
{
	uint64_t node = begin();
	struct event event;

	client_as_host(&client, write_f);
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, node, NULL));
	CHECK(event_with(IN_MODIFY, &event));
	CHECK_EQ(event.folder, client.root);
	CHECK_EQ(event.node, node);
	CHECK_STR(event.name, "f");
	CHECK_EQ(event.namelen, 1);
	client_finish(&client);
}

TEST(what_the_guest_does_is_not_told)
{
	uint64_t node = begin(), fh, made;

	CHECK_EQ(client_open(&client, node, O_RDWR, &fh), 0);
	CHECK_EQ(client_write(&client, node, fh, 0, "abc", 3), 0);
	CHECK_EQ(client_create(&client, client.root, "made", O_RDWR, 0644, &made, &fh), 0);
	CHECK_EQ(client_rename(&client, client.root, "made", client.root, "moved", 0), 0);
	CHECK_EQ(client_name(&client, FUSE_UNLINK, client.root, NULL, 0, "moved"), 0);
	client_watch(&client);
	CHECK_EQ(client.notes, 0);
	client_finish(&client);
}

TEST(a_removed_file_is_gone_for_good)
{
	uint64_t node = begin();
	struct event event;

	client_as_host(&client, remove_f);
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "f") ||
	      client_was_told(&client, FUSE_NOTIFY_DELETE, client.root, "f"));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, client.root, NULL));
	CHECK(event_with(IN_DELETE, &event));
	CHECK_EQ(event.node, node);
	client_finish(&client);
}

TEST(a_rename_is_two_linked_events_and_moves_the_node)
{
	uint64_t node = begin(), fh;
	struct event from, to;

	client_as_host(&client, move_f);
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "f"));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "g"));
	CHECK(event_with(IN_MOVED_FROM, &from));
	CHECK(event_with(IN_MOVED_TO, &to));
	CHECK_STR(from.name, "f");
	CHECK_STR(to.name, "g");
	CHECK(from.cookie != 0);
	CHECK_EQ(from.cookie, to.cookie);
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), 0);
	client_finish(&client);
}

/* How editors save. */
TEST(a_replaced_file_is_looked_up_again)
{
	uint64_t node = begin();
	struct event event;

	client_as_host(&client, replace_f);
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "f") ||
	      client_was_told(&client, FUSE_NOTIFY_DELETE, client.root, "f"));
	CHECK(event_with(IN_MOVED_TO, &event));
	CHECK(client_lookup(&client, client.root, "f") != node);
	client_finish(&client);
}

TEST(folders_are_told_as_folders)
{
	struct event event;

	(void)begin();
	client_as_host(&client, make_folder);
	client_watch(&client);
	CHECK(event_with(IN_CREATE | IN_ISDIR, &event));
	client_as_host(&client, chmod_folder);
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, client.root, NULL));
	CHECK(event_with(IN_ATTRIB, &event));
	client_finish(&client);
}

/* Whether no name was taken away from who uses it, as a working folder or to mount on. */
static bool only_expiry(void)
{
	for (size_t i = 0; i < client.notes; i++) {
		struct fuse_notify_inval_entry_out entry;

		memcpy(&entry, client.note[i].bytes, sizeof(entry));
		if (client.note[i].code == FUSE_NOTIFY_INVAL_ENTRY &&
		    entry.flags != FUSE_EXPIRE_ONLY)
			return false;
	}
	return true;
}

TEST(after_an_overflow_all_is_stale)
{
	uint64_t node = begin(), folder;

	CHECK_EQ(mkdirat(client.folder, "d", 0755), 0);
	folder = client_lookup(&client, client.root, "d");
	client_watch(&client);
	client.fs->watch.stale = 1; /* as FAN_Q_OVERFLOW does */
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, node, NULL));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, folder, NULL));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, client.root, NULL));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "d"));
	CHECK(only_expiry());
	CHECK_EQ(client.fs->watch.stale, 0);
	client_finish(&client);
}

static void move_out_and_in(struct client *c)
{
	(void)mkdirat(c->folder, "unseen", 0755);
	(void)renameat(c->folder, "f", c->folder, "unseen/f");
	client_host_file(c, "unseen/f", "changed where nobody looks");
}

/* A file that left the watched folders may change without a word. */
TEST(what_left_is_not_kept)
{
	const struct fuse_attr_out *out = (const void *)client.body;
	uint64_t node = begin(), fh;
	struct fuse_attr attr;

	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), 0);
	client_as_host(&client, move_out_and_in);
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "f"));
	CHECK_EQ(client_getattr(&client, node, &attr), 0);
	CHECK_EQ(attr.size, 26);
	CHECK_EQ(out->attr_valid, 0);
	client_finish(&client);
}

TEST(without_buffers_events_wait)
{
	uint64_t node = begin();

	client.buffers = 0;
	client_as_host(&client, write_f);
	client.notes = 0;
	CHECK(!fs_watch_run(client.fs));
	CHECK_EQ(client.notes, 0);
	client.buffers = 1;
	CHECK(!fs_watch_run(client.fs));
	CHECK_EQ(client.notes, 1);
	client.buffers = 100;
	CHECK(fs_watch_run(client.fs));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, node, NULL));
	client_finish(&client);
}

TEST(a_guest_that_takes_none_gets_none)
{
	client_init(&client, false);
	client_host_file(&client, "f", "x");
	CHECK(client_lookup(&client, client.root, "f") != 0);
	CHECK_EQ(fs_watch_fd(client.fs), -1);
	client_finish(&client);
}

/* The guest was told that there is no such name, and the word that there is was lost. */
TEST(after_an_overflow_names_that_came_are_told)
{
	(void)begin();
	CHECK_EQ(client_lookup(&client, client.root, "came"), 0);
	CHECK(client_entry(&client)->entry_valid > 0);
	client_host_file(&client, "came", ""); /* not told: this process did it */
	client_host_file(&client, "too", "");
	client_watch(&client);
	CHECK_EQ(client.notes, 0);
	client.fs->watch.stale = 1;
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "came"));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "too"));
	CHECK(!client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "."));
	CHECK(only_expiry());
	CHECK_EQ(client.fs->watch.stale, 0);
	client_finish(&client);
}

/* A second mount of the same folder; its node, and that of "f" in it. */
static void mount_again(uint64_t *ret_root, uint64_t *ret_node)
{
	int fd = fcntl(client.folder, F_DUPFD_CLOEXEC, 0);

	*ret_root = *ret_node = 0;
	if (fs_mount(client.fs, "again", fd, false) < 0)
		return;
	*ret_root = client_lookup(&client, FUSE_ROOT_ID, "again");
	*ret_node = client_lookup(&client, *ret_root, "f");
	client_watch(&client);
}

static void write_and_make(struct client *c)
{
	client_host_file(c, "f", "changed");
	client_host_file(c, "made", "");
}

TEST(all_mounts_of_a_folder_are_told)
{
	uint64_t first = begin(), root, second;

	mount_again(&root, &second);
	CHECK(second != 0 && second != first);
	client_as_host(&client, write_and_make);
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, first, NULL));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, second, NULL));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "made"));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, root, "made"));
	CHECK_EQ(fs_unmount(client.fs, "again"), 0);
	CHECK_EQ(client.fs->watch.shared, 0);
	client_as_host(&client, move_f);
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "g"));
	CHECK(!client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, root, "g"));
	client_finish(&client);
}

TEST(what_the_guest_does_in_one_mount_is_told_to_the_other)
{
	uint64_t first = begin(), root, second, fh, made;
	struct event event;

	mount_again(&root, &second);
	CHECK_EQ(client_open(&client, first, O_RDWR, &fh), 0);
	CHECK_EQ(client_write(&client, first, fh, 0, "abc", 3), 0);
	CHECK_EQ(client_create(&client, client.root, "made", O_RDWR, 0644, &made, &fh), 0);
	CHECK_EQ(client_rename(&client, client.root, "made", client.root, "moved", 0), 0);
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, second, NULL));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, root, "made"));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, root, "moved"));
	CHECK(only_expiry());
	CHECK(!event_with(0, &event));
	client_finish(&client);
}

TEST(a_folder_without_a_watch_is_not_kept)
{
	const struct fuse_attr_out *out = (const void *)client.body;
	struct fuse_attr attr;
	uint64_t folder;

	(void)begin();
	CHECK_EQ(mkdirat(client.folder, "d", 0755), 0);
	folder = client_lookup(&client, client.root, "d");
	CHECK_EQ(client_getattr(&client, folder, &attr), 0);
	CHECK(out->attr_valid > 0);
	watch_drop(client.fs, node_of(client.fs, folder)); /* as where there are no marks left */
	CHECK_EQ(client_getattr(&client, folder, &attr), 0);
	CHECK_EQ(out->attr_valid, 0);
	client_finish(&client);
}

TEST_MAIN()
