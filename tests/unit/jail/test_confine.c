/*
 * Folders and files behind which nothing is. Run twice: as who runs the tests, and with
 * --ordinary as a user without rights.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/file.h"
#include "jail/confine.h"
#include "tests/unit/test.h"

enum { ORDINARY_ID = 61234, ROUNDS = 64 };

/* top/{secret,run,share/{file,below/{}}} */
struct world {
	char top[64];
	int work, file, script; /* plain descriptors */
};

static bool put(const char *top, const char *name, const char *text, mode_t mode)
{
	char path[128];
	autoclose int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, mode);
	return fd >= 0 && fd_write_full(fd, text, strlen(text)) == 0;
}

static int path_fd(const char *top, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	return open(path, O_PATH | O_CLOEXEC);
}

static bool world_make(struct world *world)
{
	char path[128];

	(void)snprintf(world->top, sizeof(world->top), "/tmp/sbx-confine-XXXXXX");
	if (mkdtemp(world->top) == NULL)
		return false;
	(void)snprintf(path, sizeof(path), "%s/share", world->top);
	if (mkdir(path, 0700) < 0 || !put(world->top, "secret", "secret", 0600) ||
	    !put(world->top, "share/file", "text", 0600) ||
	    !put(world->top, "share/run", "#!/bin/sh\n", 0700))
		return false;
	(void)snprintf(path, sizeof(path), "%s/share/below", world->top);
	if (mkdir(path, 0700) < 0)
		return false;
	world->work = path_fd(world->top, "share");
	world->file = path_fd(world->top, "share/file");
	world->script = path_fd(world->top, "share/run");
	return world->work >= 0 && world->file >= 0 && world->script >= 0;
}

static void world_finish(struct world *world)
{
	(void)close(world->work);
	(void)close(world->file);
	(void)close(world->script);
	(void)file_remove_tree(AT_FDCWD, world->top);
}

static bool is_same(int a, int b)
{
	struct stat one, other;

	return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

TEST(a_folder_is_its_own_top)
{
	static const char *const ups[] = { "..", "../..", "below/../../../..", "../share/.." };
	struct world world;
	int work = -1;

	CHECK(world_make(&world));
	CHECK_EQ(jail_confine(world.work, false, &work), 0);
	CHECK(is_same(work, world.work));
	for (size_t i = 0; i < sizeof(ups) / sizeof(ups[0]); i++) {
		autoclose int up = openat(work, ups[i], O_PATH | O_CLOEXEC);

		CHECK(up >= 0 ? is_same(up, world.work) : errno == ENOENT);
	}
	CHECK_EQ(openat(work, "../secret", O_RDONLY | O_CLOEXEC), -1);
	CHECK_EQ(errno, ENOENT);
	(void)close(work);
	world_finish(&world);
}

/* Also by the working folder, which is how descriptors usually get out of a root. */
TEST(going_there_does_not_lead_out)
{
	struct world world;
	int work = -1, status = -1;
	pid_t pid;

	CHECK(world_make(&world));
	CHECK_EQ(jail_confine(world.work, false, &work), 0);
	pid = fork();
	if (pid == 0)
		_exit(fchdir(work) < 0 || access("../secret", F_OK) == 0 ||
		      (chdir("..") == 0 && access("secret", F_OK) == 0));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	(void)close(work);
	world_finish(&world);
}

TEST(what_is_below_is_used_as_before)
{
	struct world world;
	autoclose int made = -1;
	int work = -1;

	CHECK(world_make(&world));
	CHECK_EQ(jail_confine(world.work, false, &work), 0);
	made = openat(work, "made", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	CHECK(made >= 0 && fd_write_full(made, "x", 1) == 0);
	CHECK_EQ(renameat(work, "made", work, "below/moved"), 0);
	CHECK_EQ(linkat(work, "below/moved", work, "linked", 0), 0);
	CHECK_EQ(unlinkat(work, "linked", 0), 0);
	(void)close(work);
	world_finish(&world);
}

TEST(read_only_is_the_mounts_own)
{
	struct world world;
	int work = -1;

	CHECK(world_make(&world));
	CHECK_EQ(jail_confine(world.work, true, &work), 0);
	CHECK_EQ(openat(work, "file", O_WRONLY | O_CLOEXEC), -1);
	CHECK_EQ(errno, EROFS);
	CHECK_EQ(mkdirat(work, "new", 0700), -1);
	CHECK_EQ(errno, EROFS);
	(void)close(work);
	world_finish(&world);
}

TEST(nothing_of_it_runs)
{
	struct world world;
	int script = -1, status = -1;
	pid_t pid;

	CHECK(world_make(&world));
	CHECK_EQ(jail_confine(world.script, false, &script), 0);
	pid = fork();
	if (pid == 0) {
		(void)fexecve(script, (char *[]){ (char *)"run", NULL }, (char *[]){ NULL });
		_exit(errno);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WEXITSTATUS(status), EACCES);
	(void)close(script);
	world_finish(&world);
}

TEST(a_file_is_a_mount_too)
{
	struct world world;
	int file = -1;

	CHECK(world_make(&world));
	CHECK_EQ(jail_confine(world.file, false, &file), 0);
	CHECK(is_same(file, world.file));
	CHECK_EQ(openat(file, "..", O_PATH | O_CLOEXEC), -1);
	CHECK_EQ(errno, ENOTDIR);
	(void)close(file);
	world_finish(&world);
}

TEST(a_file_that_was_replaced_is_not_taken)
{
	struct world world;
	int file = -1;

	CHECK(world_make(&world));
	CHECK_EQ(unlinkat(world.work, "file", 0), 0);
	CHECK(jail_confine(world.file, false, &file) < 0);
	CHECK(put(world.top, "share/file (deleted)", "other", 0600));
	CHECK_EQ(jail_confine(world.file, false, &file), -ESTALE);
	CHECK_EQ(file, -1);
	world_finish(&world);
}

static bool write_text(const char *path, const char *text)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && fd_write_full(fd, text, strlen(text)) == 0;
}

/* Namespaces in which this process may mount. */
static bool become_mounter(void)
{
	char uid_map[32], gid_map[32];

	(void)snprintf(uid_map, sizeof(uid_map), "%u %u 1", geteuid(), geteuid());
	(void)snprintf(gid_map, sizeof(gid_map), "%u %u 1", getegid(), getegid());
	return unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
	       write_text("/proc/self/setgroups", "deny") &&
	       write_text("/proc/self/uid_map", uid_map) &&
	       write_text("/proc/self/gid_map", gid_map);
}

/* A mount inside comes along, and it does not lead out either. */
static int try_with_mount_inside(const struct world *world)
{
	autoclose int tree = -1, inside = -1, up = -1;
	char path[128];
	int work;

	if (!become_mounter())
		return 1;
	(void)snprintf(path, sizeof(path), "%s/share/below", world->top);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", path, "tmpfs", 0, NULL) < 0 || !put(path, "inside", "", 0600))
		return 2;
	work = path_fd(world->top, "share");
	if (work < 0 || jail_confine(work, true, &tree) < 0)
		return 3;
	inside = openat(tree, "below/inside", O_RDONLY | O_CLOEXEC);
	if (inside < 0)
		return 4;
	if (openat(tree, "below/inside", O_WRONLY | O_CLOEXEC) >= 0 || errno != EROFS)
		return 5;
	up = openat(tree, "below/../../..", O_PATH | O_CLOEXEC);
	return up >= 0 && is_same(up, work) ? 0 : 6;
}

TEST(mounts_inside_come_along)
{
	struct world world;
	int status = -1;
	pid_t pid;

	CHECK(world_make(&world));
	pid = fork();
	if (pid == 0)
		_exit(try_with_mount_inside(&world));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
	world_finish(&world);
}

TEST(nothing_is_left_of_the_making)
{
	struct world world;
	int first = open("/dev/null", O_RDONLY | O_CLOEXEC), after;

	CHECK(world_make(&world));
	for (int i = 0; i < ROUNDS; i++) {
		autoclose int work = -1;

		CHECK_EQ(jail_confine(world.work, false, &work), 0);
	}
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(after, first + 4); /* the world's three */
	CHECK_EQ(waitid(P_ALL, 0, &(siginfo_t){ 0 }, WEXITED | __WALL), -1);
	CHECK_EQ(errno, ECHILD);
	(void)close(after);
	(void)close(first);
	world_finish(&world);
}

TEST(a_bad_descriptor_is_refused)
{
	int ret = -1;

	CHECK_EQ(jail_confine(-1, false, &ret), -EBADF);
	CHECK_EQ(ret, -1);
}

/* dumpable, as after an exec: else /proc/self belongs to root. */
static int become_ordinary(void)
{
	if (geteuid() != 0)
		return 0;
	return setgroups(0, NULL) < 0 || setgid(ORDINARY_ID) < 0 || setuid(ORDINARY_ID) < 0 ||
			       prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0
		       ? -errno
		       : 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--ordinary") == 0 && become_ordinary() < 0)
		return EXIT_FAILURE;
	return test_main();
}
