/*
 * What a name may lead to, and what it may not: attacks F01 to F04.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "fs/node.h"
#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;

TEST(the_root_lists_the_mounts_only)
{
	client_init(&client, false);
	CHECK(client_lookup(&client, FUSE_ROOT_ID, "m") != 0);
	CHECK_EQ(client_lookup(&client, FUSE_ROOT_ID, "etc"), 0);
	CHECK_EQ(client.head.error, -ENOENT);
	client_finish(&client);
}

TEST(names_that_are_paths_are_refused)
{
	static const char *const bad[] = { "..", ".", "", "/", "/etc", "a/b", "../../etc/passwd" };
	char long_name[257];

	client_init(&client, false);
	for (size_t i = 0; i < countof(bad); i++) {
		CHECK_EQ(client_lookup(&client, client.root, bad[i]), 0);
		CHECK_EQ(client.head.error, -EINVAL);
		CHECK_EQ(client_lookup(&client, FUSE_ROOT_ID, bad[i]), 0);
	}
	memset(long_name, 'a', 256);
	long_name[256] = '\0';
	CHECK_EQ(client_lookup(&client, client.root, long_name), 0);
	CHECK_EQ(client.head.error, -ENAMETOOLONG);
	/* a name without its NUL */
	CHECK_EQ(client_call(&client, FUSE_LOOKUP, client.root, NULL, 0, "abc", 3), -EINVAL);
	client_finish(&client);
}

TEST(a_symlink_is_a_link_and_never_followed)
{
	uint64_t link, fh;

	client_init(&client, false);
	CHECK_EQ(symlinkat("/etc/passwd", client.folder, "out"), 0);
	CHECK_EQ(symlinkat("/etc", client.folder, "etc"), 0);
	link = client_lookup(&client, client.root, "out");
	CHECK(link != 0);
	CHECK(S_ISLNK(client_entry(&client)->attr.mode));
	CHECK_EQ(client_open(&client, link, O_RDONLY, &fh), -EOPNOTSUPP);
	CHECK_EQ(client_call(&client, FUSE_READLINK, link, NULL, 0, NULL, 0), 0);
	CHECK_EQ(client.body_len, strlen("/etc/passwd"));
	CHECK_MEM(client.body, "/etc/passwd", client.body_len);
	link = client_lookup(&client, client.root, "etc");
	CHECK(link != 0);
	CHECK_EQ(client_lookup(&client, link, "passwd"), 0);
	CHECK_EQ(client.head.error, -ENOTDIR);
	client_finish(&client);
}

TEST(unknown_and_forgotten_ids_are_stale)
{
	struct fuse_attr attr;
	uint64_t node;

	client_init(&client, false);
	client_host_file(&client, "f", "x");
	CHECK_EQ(client_getattr(&client, 12345, &attr), -ESTALE);
	CHECK_EQ(client_getattr(&client, UINT64_MAX, &attr), -ESTALE);
	CHECK_EQ(client_getattr(&client, 0, &attr), -ESTALE);
	node = client_lookup(&client, client.root, "f");
	CHECK_EQ(client_lookup(&client, client.root, "f"), node);
	client_forget(&client, node, 1);
	CHECK_EQ(client_getattr(&client, node, &attr), 0);
	client_forget(&client, node, 1);
	CHECK_EQ(client_getattr(&client, node, &attr), -ESTALE);
	/* the slot is used again under another id */
	CHECK(client_lookup(&client, client.root, "f") != node);
	CHECK_EQ(client_getattr(&client, node, &attr), -ESTALE);
	client_forget(&client, node, UINT64_MAX);
	client_forget(&client, FUSE_ROOT_ID, UINT64_MAX);
	client_forget(&client, client.root, UINT64_MAX);
	CHECK_EQ(client_getattr(&client, client.root, &attr), 0);
	client_finish(&client);
}

TEST(a_replaced_file_is_another_file)
{
	uint64_t node, fh;
	struct fuse_attr attr;

	client_init(&client, false);
	client_host_file(&client, "f", "old");
	node = client_lookup(&client, client.root, "f");
	client_host_file(&client, "g", "new!");
	CHECK_EQ(renameat(client.folder, "g", client.folder, "f"), 0);
	CHECK_EQ(client_getattr(&client, node, &attr), -ESTALE);
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), -ESTALE);
	CHECK(client_lookup(&client, client.root, "f") != node);
	CHECK_EQ(client_entry(&client)->attr.size, 4);
	client_finish(&client);
}

/* The inode number of a removed file may return at once; its time of birth does not. */
TEST(a_reused_inode_number_is_another_file)
{
	uint64_t before, after;

	client_init(&client, false);
	client_host_file(&client, "f", "old");
	before = client_lookup(&client, client.root, "f");
	CHECK_EQ(unlinkat(client.folder, "f", 0), 0);
	client_host_file(&client, "f", "new");
	after = client_lookup(&client, client.root, "f");
	CHECK(after != 0 && after != before);
	client_forget(&client, before, 1);
	CHECK_EQ(client_lookup(&client, client.root, "f"), after);
	client_finish(&client);
}

/* CVE-2026-77179 and the like: a path stored for an open file led elsewhere. */
TEST(an_unlinked_file_is_reached_while_it_is_known)
{
	uint64_t folder, node, fh, second;
	struct fuse_attr attr;

	client_init(&client, false);
	CHECK_EQ(mkdirat(client.folder, "d", 0755), 0);
	client_host_file(&client, "d/passwd", "mine");
	folder = client_lookup(&client, client.root, "d");
	node = client_lookup(&client, folder, "passwd");
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), 0);
	CHECK_EQ(client_name(&client, FUSE_UNLINK, folder, NULL, 0, "passwd"), 0);
	CHECK_EQ(client_name(&client, FUSE_RMDIR, client.root, NULL, 0, "d"), 0);
	CHECK_EQ(symlinkat("/etc", client.folder, "d"), 0);
	CHECK_EQ(client_getattr(&client, node, &attr), 0);
	CHECK_EQ(attr.nlink, 0);
	CHECK_EQ(client_open(&client, node, O_RDONLY, &second), 0);
	CHECK_EQ(client_read(&client, node, second, 0, 100), 0);
	CHECK_EQ(client.body_len, 4);
	CHECK_MEM(client.body, "mine", 4);
	CHECK_EQ(client_release(&client, node, fh), 0);
	CHECK_EQ(client_release(&client, node, second), 0);
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), 0);
	CHECK_EQ(client_read(&client, node, fh, 0, 100), 0);
	CHECK_MEM(client.body, "mine", 4);
	client_forget(&client, node, 1);
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), -ESTALE);
	client_finish(&client);
}

static void replace(const char *content)
{
	client_host_file(&client, "g", content);
	(void)renameat(client.folder, "g", client.folder, "f");
}

/* Linux looks up again once: whoever else replaces the file then must not matter. */
TEST(the_second_try_finds_a_file_that_the_host_keeps_replacing)
{
	uint64_t node, fh;

	client_init(&client, false);
	client_host_file(&client, "f", "one");
	node = client_lookup(&client, client.root, "f");
	replace("two");
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), -ESTALE);
	node = client_lookup(&client, client.root, "f");
	replace("three");
	CHECK_EQ(client_open(&client, node, O_RDONLY, &fh), 0);
	CHECK_EQ(client_read(&client, node, fh, 0, 100), 0);
	CHECK_EQ(client.body_len, 3);
	CHECK_MEM(client.body, "two", 3);
	client_finish(&client);
}

static unsigned descriptors(void)
{
	DIR *listing = opendir("/proc/self/fd");
	unsigned count = 0;

	while (listing != NULL && readdir(listing) != NULL)
		count++;
	if (listing != NULL)
		(void)closedir(listing);
	return count;
}

TEST(held_files_are_bounded_and_let_go)
{
	uint64_t node[3 * NODE_HELD];
	unsigned before;
	char name[16];

	client_init(&client, false);
	before = descriptors();
	for (size_t i = 0; i < countof(node); i++) {
		(void)snprintf(name, sizeof(name), "f%zu", i);
		client_host_file(&client, name, "x");
		node[i] = client_lookup(&client, client.root, name);
		CHECK_EQ(client_name(&client, FUSE_UNLINK, client.root, NULL, 0, name), 0);
	}
	CHECK_EQ(descriptors(), before + NODE_HELD);
	for (size_t i = 0; i < countof(node); i++)
		client_forget(&client, node[i], 1);
	CHECK_EQ(descriptors(), before);
	client_finish(&client);
}

static atomic_bool stop_swapping;

/* Swaps folder "d" with symbolic link "l" to /etc as fast as it can. */
static void *swap(void *argument)
{
	const struct client *c = argument;

	while (!atomic_load(&stop_swapping))
		(void)renameat2(c->folder, "d", c->folder, "l", RENAME_EXCHANGE);
	return NULL;
}

/* F02. Whatever the guest gets hold of, it is never /etc/passwd. */
TEST(a_folder_swapped_with_a_link_leads_nowhere_else)
{
	enum { ROUNDS = 5000 };
	pthread_t thread;
	int reached = 0;

	client_init(&client, false);
	CHECK_EQ(mkdirat(client.folder, "d", 0755), 0);
	client_host_file(&client, "d/passwd", "mine");
	CHECK_EQ(symlinkat("/etc", client.folder, "l"), 0);
	atomic_store(&stop_swapping, false);
	CHECK_EQ(pthread_create(&thread, NULL, swap, &client), 0);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t folder = client_lookup(&client, client.root, i % 2 == 0 ? "d" : "l");
		uint64_t file = folder != 0 ? client_lookup(&client, folder, "passwd") : 0;
		uint64_t fh;

		if (file != 0 && client_open(&client, file, O_RDONLY, &fh) == 0) {
			reached += client_read(&client, file, fh, 0, 64) == 0 &&
				   client.body_len == 4 && memcmp(client.body, "mine", 4) == 0;
			reached -= client.body_len != 4 ? 1000000 : 0;
			(void)client_release(&client, file, fh);
		}
		if (file != 0)
			client_forget(&client, file, 1);
		if (folder != 0)
			client_forget(&client, folder, 1);
	}
	atomic_store(&stop_swapping, true);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(reached > 0);
	client_finish(&client);
}

TEST(a_full_table_refuses_and_recovers)
{
	uint64_t id[8];
	char name[8];

	client_init_limited(&client, false, 6, 0, 0);
	for (int i = 0; i < 8; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		client_host_file(&client, name, "x");
		id[i] = client_lookup(&client, client.root, name);
	}
	CHECK(id[3] != 0);
	CHECK_EQ(id[4], 0);
	CHECK_EQ(client.head.error, -ENFILE);
	client_forget(&client, id[0], 1);
	CHECK(client_lookup(&client, client.root, "f7") != 0);
	client_finish(&client);
}

TEST(near_the_limit_the_oldest_names_are_asked_back)
{
	enum { LIMIT = 64 };
	char name[8];
	int made = 0;

	client_init_limited(&client, true, LIMIT, 0, 0);
	client.notes = 0;
	while (client.notes == 0 && made < LIMIT) {
		(void)snprintf(name, sizeof(name), "f%d", made++);
		client_host_file(&client, name, "");
		CHECK(client_lookup(&client, client.root, name) != 0);
	}
	CHECK(made < LIMIT - 2);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "f0"));
	/* without taking it from who uses it */
	CHECK_EQ(((const struct fuse_notify_inval_entry_out *)(const void *)client.note[0].bytes)
			 ->flags,
		 FUSE_EXPIRE_ONLY);
	client_finish(&client);
}

static void make_none(struct client *c)
{
	client_host_file(c, "none", "x");
}

TEST(names_that_are_not_are_remembered_when_changes_are_told)
{
	client_init(&client, true);
	CHECK_EQ(client_name(&client, FUSE_LOOKUP, client.root, NULL, 0, "none"), 0);
	CHECK_EQ(client_entry(&client)->nodeid, 0);
	CHECK(client_entry(&client)->entry_valid > 0);
	client_as_host(&client, make_none);
	client_watch(&client);
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_ENTRY, client.root, "none"));
	CHECK(client_was_told(&client, FUSE_NOTIFY_INVAL_INODE, client.root, NULL));
	client_finish(&client);
}

static bool say(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) >= 0 && close(fd) == 0;
}

/* Namespaces in which this user may mount. */
static bool own_namespaces(void)
{
	char uids[32], gids[32];

	(void)snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	(void)snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && say("/proc/self/setgroups", "deny") &&
	       say("/proc/self/uid_map", uids) && say("/proc/self/gid_map", gids);
}

/* An overlay file system of lower/ on client.path/merged. */
static bool mount_overlay(void)
{
	static const char *const folders[] = { "lower", "lower/d", "upper", "work", "merged" };
	char options[512], merged[128];

	for (size_t i = 0; i < countof(folders); i++)
		(void)mkdirat(client.folder, folders[i], 0755);
	client_host_file(&client, "lower/f", "x");
	(void)snprintf(options, sizeof(options),
		       "userxattr,lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", client.path,
		       client.path, client.path);
	(void)snprintf(merged, sizeof(merged), "%s/merged", client.path);
	return own_namespaces() && mount("overlay", merged, "overlay", 0, options) == 0;
}

/* 0: the ids stayed good, 1: not, 77: no overlay here. */
static int change_what_is_below(void)
{
	char merged[128];
	uint64_t root, folder, file, fh, made, made_fh;
	struct fuse_attr attr;

	if (!mount_overlay())
		return 77;
	(void)snprintf(merged, sizeof(merged), "%s/merged", client.path);
	if (fs_mount(client.fs, "o", open(merged, O_PATH | O_CLOEXEC), false) < 0)
		return 1;
	root = client_lookup(&client, FUSE_ROOT_ID, "o");
	folder = client_lookup(&client, root, "d");
	file = client_lookup(&client, root, "f");
	if (client_open(&client, file, O_RDONLY, &fh) < 0 ||
	    client_create(&client, folder, "made", O_RDWR, 0644, &made, &made_fh) < 0)
		return 1;
	(void)chmod(strcat(merged, "/f"), 0600);
	return client_lookup(&client, root, "d") == folder &&
			       client_lookup(&client, root, "f") == file &&
			       client_getattr(&client, folder, &attr) == 0 &&
			       client_read(&client, file, fh, 0, 10) == 0
		       ? 0
		       : 1;
}

/* overlayfs gives what it copies up another time of birth. */
TEST(a_file_that_is_copied_up_stays_what_it_is)
{
	int status = 0;
	pid_t child;

	client_init(&client, false);
	child = fork();
	if (child == 0)
		_exit(change_what_is_below());
	CHECK_EQ(waitpid(child, &status, 0), child);
	client_finish(&client);
	if (WEXITSTATUS(status) == 77)
		test_skipped = "no overlay in a user namespace";
	else
		CHECK_EQ(status, 0);
}

TEST_MAIN()
