/*
 * What of a repository the guest may not change: attack F15, a hook or a
 * config planted for the host's git to run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;
static uint64_t root, git; /* nodes of the repository's folder and of its .git */

static void share(const char *path)
{
	int fd = openat(client.folder, path, O_PATH | O_CLOEXEC);

	CHECK_EQ(fs_mount(client.fs, "repo", fd, false), 0);
	root = client_lookup(&client, FUSE_ROOT_ID, "repo");
	git = client_lookup(&client, root, ".git");
}

/* A repository as git leaves it, with a hook in a folder of its own; not shared yet. */
static void make_repository(void)
{
	client_init(&client, false);
	CHECK_EQ(mkdirat(client.folder, "repo", 0755), 0);
	CHECK_EQ(mkdirat(client.folder, "repo/.git", 0755), 0);
	CHECK_EQ(mkdirat(client.folder, "repo/.git/objects", 0755), 0);
	CHECK_EQ(mkdirat(client.folder, "repo/.git/refs", 0755), 0);
	CHECK_EQ(mkdirat(client.folder, "repo/.git/hooks", 0755), 0);
	CHECK_EQ(mkdirat(client.folder, "repo/.git/hooks/d", 0755), 0);
	CHECK_EQ(mkdirat(client.folder, "repo/evil", 0755), 0);
	client_host_file(&client, "repo/.git/HEAD", "ref: refs/heads/main\n");
	client_host_file(&client, "repo/.git/config", "[core]\n");
	client_host_file(&client, "repo/.git/hooks/d/hook", "#!/bin/sh\n");
	client_host_file(&client, "repo/evil/f", "#!/bin/sh\n");
}

static void start(void)
{
	make_repository();
	share("repo");
}

static int make(uint64_t folder, const char *name)
{
	uint64_t node, fh;

	return client_create(&client, folder, name, O_RDWR, 0755, &node, &fh);
}

static int make_folder(uint64_t folder, const char *name)
{
	struct fuse_mkdir_in in = { .mode = 0755 };

	return client_name(&client, FUSE_MKDIR, folder, &in, sizeof(in), name);
}

static int hard_link(uint64_t node, uint64_t folder, const char *name)
{
	struct fuse_link_in in = { .oldnodeid = node };

	return client_name(&client, FUSE_LINK, folder, &in, sizeof(in), name);
}

static int set_mode(uint64_t node)
{
	struct fuse_setattr_in in = { .valid = FATTR_MODE, .mode = 0777 };

	return client_call(&client, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0);
}

static int open_to_write(uint64_t node)
{
	uint64_t fh;

	return client_open(&client, node, O_RDWR, &fh);
}

TEST(config_and_hooks_are_read_only)
{
	struct fuse_setattr_in cut = { .valid = FATTR_SIZE };
	struct fuse_setxattr_in xattr = { .size = 1 };
	uint64_t config, hooks, folder, hook, fh;

	start();
	config = client_lookup(&client, git, "config");
	CHECK_EQ(open_to_write(config), -EROFS);
	CHECK_EQ(client_open(&client, config, O_RDONLY | O_TRUNC, &fh), -EROFS);
	CHECK_EQ(client_call(&client, FUSE_SETATTR, config, &cut, sizeof(cut), NULL, 0), -EROFS);
	CHECK_EQ(client_call(&client, FUSE_SETXATTR, config, &xattr, FUSE_COMPAT_SETXATTR_IN_SIZE,
			     "user.a\0x", 8),
		 -EROFS);
	CHECK_EQ(client_open(&client, config, O_RDONLY, &fh), 0);
	CHECK_EQ(client_write(&client, config, fh, 0, "x", 1), -EROFS);
	CHECK_EQ(client_read(&client, config, fh, 0, 64), 0);
	hooks = client_lookup(&client, git, "hooks");
	folder = client_lookup(&client, hooks, "d");
	hook = client_lookup(&client, folder, "hook");
	CHECK_EQ(set_mode(hooks), -EROFS);
	CHECK_EQ(set_mode(hook), -EROFS);
	CHECK_EQ(open_to_write(hook), -EROFS);
	CHECK_EQ(make(hooks, "pre-commit"), -EROFS);
	CHECK_EQ(make(folder, "more"), -EROFS);
	CHECK_EQ(client_name(&client, FUSE_UNLINK, folder, NULL, 0, "hook"), -EROFS);
	client_finish(&client);
}

/* A folder whose parent the guest forgot is still beneath it. */
TEST(forgetting_the_parent_frees_nothing)
{
	uint64_t hooks, folder;

	start();
	hooks = client_lookup(&client, git, "hooks");
	folder = client_lookup(&client, hooks, "d");
	client_forget(&client, hooks, 1);
	client_forget(&client, git, 1);
	CHECK_EQ(make(folder, "more"), -EROFS);
	client_finish(&client);
}

TEST(protected_names_are_not_made_or_unmade)
{
	static const char *const names[] = { "hooks",		"config",    "config.lock",
					     "config.worktree", "commondir", "Hooks" };
	static const char link[] = "commondir\0../evil";
	uint64_t evil, file;

	start();
	evil = client_lookup(&client, root, "evil");
	file = client_lookup(&client, evil, "f");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CHECK_EQ(make(git, names[i]), -EROFS);
		CHECK_EQ(make_folder(git, names[i]), -EROFS);
		CHECK_EQ(client_name(&client, FUSE_UNLINK, git, NULL, 0, names[i]), -EROFS);
		CHECK_EQ(client_name(&client, FUSE_RMDIR, git, NULL, 0, names[i]), -EROFS);
		CHECK_EQ(hard_link(file, git, names[i]), -EROFS);
		CHECK_EQ(client_rename(&client, git, names[i], root, "x", 0), -EROFS);
		CHECK_EQ(client_rename(&client, root, "evil", git, names[i], 0), -EROFS);
		CHECK_EQ(client_rename(&client, root, "evil", git, names[i], RENAME_EXCHANGE),
			 -EROFS);
	}
	CHECK_EQ(client_call(&client, FUSE_SYMLINK, git, NULL, 0, link, sizeof(link)), -EROFS);
	client_finish(&client);
}

TEST(nothing_moves_into_or_out_of_the_hooks)
{
	uint64_t hooks;

	start();
	hooks = client_lookup(&client, git, "hooks");
	CHECK_EQ(client_rename(&client, root, "evil", hooks, "d", 0), -EROFS);
	CHECK_EQ(client_rename(&client, hooks, "d", root, "d", 0), -EROFS);
	client_finish(&client);
}

TEST(the_git_folder_stays_where_it_is)
{
	start();
	CHECK_EQ(client_rename(&client, root, ".git", root, "old", 0), -EROFS);
	CHECK_EQ(client_rename(&client, root, "evil", root, ".git", RENAME_EXCHANGE), -EROFS);
	CHECK_EQ(client_name(&client, FUSE_RMDIR, root, NULL, 0, ".git"), -EROFS);
	CHECK_EQ(faccessat(client.folder, "repo/.git/config", F_OK, 0), 0);
	/* nor can the tree pose as a repository in its stead */
	CHECK_EQ(make(root, "HEAD"), -EROFS);
	CHECK_EQ(client_rename(&client, root, "evil", root, "HEAD", 0), -EROFS);
	client_finish(&client);
}

TEST(git_works_beside_what_is_protected)
{
	uint64_t folder;

	start();
	CHECK_EQ(make(git, "HEAD.lock"), 0);
	CHECK_EQ(client_rename(&client, git, "HEAD.lock", git, "HEAD", 0), 0);
	CHECK_EQ(make_folder(git, "info"), 0);
	folder = client_lookup(&client, git, "info");
	CHECK_EQ(make(folder, "attributes"), 0);
	CHECK_EQ(make(root, "config"), 0);
	CHECK_EQ(make_folder(root, "hooks"), 0);
	CHECK_EQ(client_name(&client, FUSE_RMDIR, root, NULL, 0, "hooks"), 0);
	client_finish(&client);
}

TEST(a_second_name_is_no_way_in)
{
	uint64_t folder, config;

	make_repository();
	CHECK_EQ(
		linkat(client.folder, "repo/.git/hooks/d/hook", client.folder, "repo/evil/hook", 0),
		0);
	share("repo");
	folder = client_lookup(&client, root, "evil");
	CHECK_EQ(open_to_write(client_lookup(&client, folder, "hook")), -EROFS);
	CHECK_EQ(open_to_write(client_lookup(&client, folder, "f")), 0);
	config = client_lookup(&client, git, "config");
	CHECK_EQ(hard_link(config, root, "mine"), -EROFS);
	client_finish(&client);
}

TEST(more_second_names_than_are_noted)
{
	char name[64], other[64];
	uint64_t folder;

	make_repository();
	for (int i = 0; i <= 64; i++) {
		(void)snprintf(name, sizeof(name), "repo/.git/hooks/%d", i);
		(void)snprintf(other, sizeof(other), "repo/evil/%d", i);
		client_host_file(&client, name, "");
		CHECK_EQ(linkat(client.folder, name, client.folder, other, 0), 0);
	}
	share("repo");
	folder = client_lookup(&client, root, "evil");
	for (int i = 0; i <= 64; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		CHECK_EQ(open_to_write(client_lookup(&client, folder, name)), -EROFS);
	}
	CHECK_EQ(open_to_write(client_lookup(&client, folder, "f")), 0);
	client_finish(&client);
}

static void replace_config(struct client *with)
{
	client_host_file(with, "repo/new", "[core]\n");
	if (renameat(with->folder, "repo/new", with->folder, "repo/.git/config") < 0)
		_exit(1);
}

TEST(what_the_host_puts_there_is_protected_too)
{
	start();
	CHECK_EQ(open_to_write(client_lookup(&client, git, "config")), -EROFS);
	client_as_host(&client, replace_config);
	CHECK_EQ(open_to_write(client_lookup(&client, git, "config")), -EROFS);
	client_finish(&client);
}

TEST(a_new_session_finds_the_same)
{
	struct fuse_init_in in = { .major = FUSE_KERNEL_VERSION, .minor = 38 };

	start();
	CHECK_EQ(client_call(&client, FUSE_INIT, 0, &in, sizeof(in), NULL, 0), 0);
	root = client_lookup(&client, FUSE_ROOT_ID, "repo");
	git = client_lookup(&client, root, ".git");
	CHECK_EQ(open_to_write(client_lookup(&client, git, "config")), -EROFS);
	CHECK_EQ(make(git, "commondir"), -EROFS);
	client_finish(&client);
}

TEST(a_git_file_is_locked)
{
	client_init(&client, false);
	CHECK_EQ(mkdirat(client.folder, "repo", 0755), 0);
	client_host_file(&client, "repo/.git", "gitdir: /elsewhere\n");
	share("repo");
	CHECK_EQ(open_to_write(git), -EROFS);
	CHECK_EQ(client_name(&client, FUSE_UNLINK, root, NULL, 0, ".git"), -EROFS);
	client_finish(&client);
}

TEST(a_bare_repository_is_one)
{
	make_repository();
	share("repo/.git");
	CHECK_EQ(open_to_write(client_lookup(&client, root, "config")), -EROFS);
	CHECK_EQ(make(root, "config.lock"), -EROFS);
	CHECK_EQ(open_to_write(client_lookup(&client, root, "HEAD")), 0);
	client_finish(&client);
}

TEST(what_the_guest_makes_is_its_own)
{
	client_init(&client, false);
	CHECK_EQ(make_folder(client.root, ".git"), 0);
	git = client_lookup(&client, client.root, ".git");
	CHECK_EQ(make(git, "config"), 0);
	CHECK_EQ(make_folder(git, "hooks"), 0);
	CHECK_EQ(client_rename(&client, client.root, ".git", client.root, "old", 0), 0);
	client_finish(&client);
}

TEST_MAIN()
