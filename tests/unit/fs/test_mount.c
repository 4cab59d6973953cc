/*
 * Mounts: read-only ones (attack F14), single files, coming and going.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;

static int mount(const char *name, const char *path, bool read_only)
{
	return fs_mount(client.fs, name, openat(client.folder, path, O_PATH | O_CLOEXEC),
			read_only);
}

TEST(nothing_is_written_to_a_read_only_mount)
{
	struct fuse_setattr_in setattr = { .valid = FATTR_MODE, .mode = 0777 };
	struct fuse_mkdir_in mkdir_in = { .mode = 0777 };
	uint64_t root, node, fh;

	client_init(&client, false);
	CHECK_EQ(mkdirat(client.folder, "d", 0755), 0);
	client_host_file(&client, "d/f", "x");
	CHECK_EQ(mount("ro", "d", true), 0);
	root = client_lookup(&client, FUSE_ROOT_ID, "ro");
	node = client_lookup(&client, root, "f");
	CHECK_EQ(client_open(&client, node, O_RDWR, &fh), -EROFS);
	CHECK_EQ(client_open(&client, node, O_RDONLY | O_TRUNC, &fh), -EROFS);
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), 0);
	CHECK_EQ(client_write(&client, node, fh, 0, "y", 1), -EROFS);
	CHECK_EQ(client_create(&client, root, "new", O_RDWR, 0600, &node, &fh), -EROFS);
	CHECK_EQ(client_name(&client, FUSE_UNLINK, root, NULL, 0, "f"), -EROFS);
	CHECK_EQ(client_name(&client, FUSE_MKDIR, root, &mkdir_in, sizeof(mkdir_in), "e"), -EROFS);
	CHECK_EQ(client_rename(&client, root, "f", root, "g", 0), -EROFS);
	CHECK_EQ(client_call(&client, FUSE_SETATTR, root, &setattr, sizeof(setattr), NULL, 0),
		 -EROFS);
	/* nor as the target of an operation on a writable one */
	client_host_file(&client, "w", "x");
	CHECK_EQ(client_rename(&client, client.root, "w", root, "g", 0), -EXDEV);
	client_finish(&client);
}

TEST(a_single_file_is_shared_without_its_folder)
{
	uint64_t node, fh;

	client_init(&client, false);
	client_host_file(&client, "secret", "no");
	client_host_file(&client, "one", "yes");
	CHECK_EQ(mount("one", "one", false), 0);
	node = client_lookup(&client, FUSE_ROOT_ID, "one");
	CHECK(S_ISREG(client_entry(&client)->attr.mode));
	CHECK_EQ(client_open(&client, node, O_RDWR, &fh), 0);
	CHECK_EQ(client_write(&client, node, fh, 0, "YES", 3), 0);
	CHECK_EQ(client_lookup(&client, node, "secret"), 0);
	CHECK_EQ(client.head.error, -ENOTDIR);
	client_finish(&client);
}

TEST(what_cannot_be_a_mount_is_refused)
{
	client_init(&client, false);
	client_host_file(&client, "f", "");
	CHECK_EQ(mkfifoat(client.folder, "fifo", 0600), 0);
	CHECK_EQ(mount("m", "f", false), -EEXIST);
	CHECK_EQ(mount("a/b", "f", false), -EINVAL);
	CHECK_EQ(mount("fifo", "fifo", false), -EINVAL);
	CHECK_EQ(mount("none", "none", false), -EBADF);
	for (int i = 1; i < FS_MOUNTS_MAX; i++) {
		char name[3] = { 'x', (char)('0' + i), '\0' };

		CHECK_EQ(mount(name, "f", false), 0);
	}
	CHECK_EQ(mount("more", "f", false), -ENOSPC);
	client_finish(&client);
}

TEST(an_unmounted_folder_is_dead)
{
	uint64_t root, node, fh;
	struct fuse_attr attr;

	client_init(&client, true);
	CHECK_EQ(mkdirat(client.folder, "d", 0755), 0);
	client_host_file(&client, "d/f", "x");
	client.notes = 0;
	CHECK_EQ(mount("later", "d", false), 0);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, FUSE_ROOT_ID, "later"));
	root = client_lookup(&client, FUSE_ROOT_ID, "later");
	node = client_lookup(&client, root, "f");
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), 0);
	CHECK_EQ(fs_unmount(client.fs, "later"), 0);
	CHECK_EQ(fs_unmount(client.fs, "later"), -ENOENT);
	CHECK_EQ(client_read(&client, node, fh, 0, 1), -ESTALE);
	CHECK_EQ(client_getattr(&client, root, &attr), -ESTALE);
	CHECK_EQ(client_lookup(&client, FUSE_ROOT_ID, "later"), 0);
	client_forget(&client, node, 1);
	client_forget(&client, root, 1);
	CHECK_EQ(mount("later", "d", false), 0);
	CHECK(client_lookup(&client, FUSE_ROOT_ID, "later") != root);
	client_finish(&client);
}

static unsigned marks(void)
{
	char path[64], line[512];
	unsigned count = 0;
	FILE *info;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fs_watch_fd(client.fs));
	info = fopen(path, "re");
	while (info != NULL && fgets(line, sizeof(line), info) != NULL)
		count += strstr(line, "ino:") != NULL;
	if (info != NULL)
		(void)fclose(info);
	return count;
}

TEST(what_is_unmounted_is_watched_no_more)
{
	unsigned before;

	client_init(&client, true);
	before = marks();
	CHECK_EQ(mkdirat(client.folder, "d", 0755), 0);
	CHECK_EQ(mount("more", "d", false), 0);
	CHECK(client_lookup(&client, FUSE_ROOT_ID, "more") != 0);
	CHECK_EQ(marks(), before + 1);
	CHECK_EQ(fs_unmount(client.fs, "more"), 0);
	CHECK_EQ(marks(), before);
	client_finish(&client);
}

/* The guest's root could take the inner mount away and go the other way. */
TEST(what_is_mounted_read_only_is_so_within_others)
{
	struct fuse_link_in link = { 0 };
	uint64_t folder, deep, node, fh, made;

	client_init(&client, false);
	CHECK_EQ(mkdirat(client.folder, "d", 0755), 0);
	CHECK_EQ(mkdirat(client.folder, "d/e", 0755), 0);
	client_host_file(&client, "d/e/f", "x");
	client_host_file(&client, "one", "x");
	/* known, and open for writing, before it is mounted read-only */
	folder = client_lookup(&client, client.root, "d");
	deep = client_lookup(&client, folder, "e");
	node = client_lookup(&client, deep, "f");
	CHECK_EQ(client_open(&client, node, O_RDWR, &fh), 0);
	CHECK_EQ(client_write(&client, node, fh, 0, "y", 1), 0);
	CHECK_EQ(mount("inner", "d", true), 0);
	CHECK_EQ(mount("file", "one", true), 0);
	CHECK_EQ(client_write(&client, node, fh, 0, "z", 1), -EROFS);
	CHECK_EQ(client_open(&client, node, O_RDWR, &fh), -EROFS);
	CHECK_EQ(client_name(&client, FUSE_UNLINK, deep, NULL, 0, "f"), -EROFS);
	CHECK_EQ(client_create(&client, folder, "new", O_RDWR, 0644, &made, &fh), -EROFS);
	/* nor put in its place, moved, or linked */
	CHECK_EQ(client_rename(&client, client.root, "d", client.root, "moved", 0), -EROFS);
	link.oldnodeid = client_lookup(&client, client.root, "one");
	CHECK_EQ(client_name(&client, FUSE_LINK, client.root, &link, sizeof(link), "two"), -EROFS);
	CHECK_EQ(client_open(&client, link.oldnodeid, O_WRONLY, &fh), -EROFS);
	/* all else is as it was */
	CHECK_EQ(client_create(&client, client.root, "new", O_RDWR, 0644, &made, &fh), 0);
	CHECK_EQ(client_write(&client, made, fh, 0, "y", 1), 0);
	client_finish(&client);
}

/* The same folder, writable by one name and read-only by another: the user said both. */
TEST(a_folder_can_be_mounted_both_ways)
{
	uint64_t made, fh;

	client_init(&client, false);
	CHECK_EQ(mount("again", ".", true), 0);
	CHECK_EQ(client_create(&client, client.root, "new", O_RDWR, 0644, &made, &fh), 0);
	CHECK_EQ(client_write(&client, made, fh, 0, "y", 1), 0);
	CHECK_EQ(client_create(&client, client_lookup(&client, FUSE_ROOT_ID, "again"), "other",
			       O_RDWR, 0644, &made, &fh),
		 -EROFS);
	client_finish(&client);
}

TEST_MAIN()
