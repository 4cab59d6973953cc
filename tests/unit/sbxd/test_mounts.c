#include "sbxd/mounts.h"

#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/sbxd/folder.h"
#include "tests/unit/test.h"

static char folder[PATH_MAX];
static struct paths paths;

/* A folder `work` with a file `file` in a fresh place. */
static char *make_workspace(void)
{
	char *work, *file;
	int fd;

	if (folder_make(folder, &paths) < 0)
		return NULL;
	work = path_join(folder, "work");
	file = path_join(work, "file");
	(void)mkdir(work, 0755);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	(void)close(fd);
	free(file);
	return work;
}

static int add(struct mounts *mounts, const char *source, const char *target)
{
	struct err err = ERR_INIT;
	int r = mounts_add(mounts, &(struct mount_request){ .source = source, .target = target },
			   &paths, &err);

	return r == 0 || err.text[0] != '\0' ? r : -ENOMSG;
}

TEST(a_folder_appears_at_its_own_path)
{
	struct mounts mounts = { .count = 0 };
	char *work = make_workspace();

	CHECK_EQ(add(&mounts, work, NULL), 0);
	CHECK_STR(mounts.items[0].source, work);
	CHECK_STR(mounts.items[0].target, work);
	CHECK(!mounts.items[0].is_file);
	mounts_finish(&mounts);
	free(work);
	folder_remove(folder, &paths);
}

TEST(a_file_and_another_place)
{
	struct mounts mounts = { .count = 0 };
	char *work = make_workspace(), *file = path_join(work, "file");

	CHECK_EQ(add(&mounts, file, "/etc/there"), 0);
	CHECK(mounts.items[0].is_file);
	CHECK_EQ(add(&mounts, work, "//x//y/"), 0);
	CHECK_STR(mounts.items[1].target, "/x/y");
	CHECK_EQ(add(&mounts, work, "/x/y"), -EINVAL); /* twice */
	mounts_finish(&mounts);
	free(file);
	free(work);
	folder_remove(folder, &paths);
}

TEST(what_would_share_too_much_needs_force)
{
	struct mounts mounts = { .count = 0 };
	struct err err = ERR_INIT;
	char *work = make_workspace();
	char *inside = path_join(paths.sandboxes, "");

	CHECK_EQ(add(&mounts, "/", "/host"), -EINVAL);
	CHECK_EQ(add(&mounts, folder, NULL), -EINVAL); /* the home directory */
	CHECK_EQ(add(&mounts, "/tmp", NULL), -EINVAL); /* holds it */
	CHECK_EQ(add(&mounts, paths.state, NULL), -EINVAL);
	CHECK_EQ(add(&mounts, inside, NULL), -EINVAL);
	CHECK_EQ(mounts_add(&mounts, &(struct mount_request){ .source = folder, .force = true },
			    &paths, &err),
		 0);
	mounts_finish(&mounts);
	free(inside);
	free(work);
	folder_remove(folder, &paths);
}

TEST(a_link_to_the_home_directory_is_the_home_directory)
{
	struct mounts mounts = { .count = 0 };
	char *work = make_workspace(), *link = path_join(work, "link");

	CHECK_EQ(symlink(folder, link), 0);
	CHECK_EQ(add(&mounts, link, NULL), -EINVAL);
	free(link);
	free(work);
	folder_remove(folder, &paths);
}

TEST(what_is_not_there_or_no_folder_is_refused)
{
	struct mounts mounts = { .count = 0 };
	char *work = make_workspace(), *missing = path_join(work, "missing");
	char *pipe_path = path_join(work, "pipe");

	CHECK_EQ(mkfifo(pipe_path, 0600), 0);
	CHECK_EQ(add(&mounts, missing, NULL), -EINVAL);
	CHECK_EQ(add(&mounts, pipe_path, NULL), -EINVAL);
	CHECK_EQ(add(&mounts, "relative", NULL), -EINVAL);
	CHECK_EQ(add(&mounts, "", NULL), -EINVAL);
	CHECK_EQ(add(&mounts, work, "relative"), -EINVAL);
	free(pipe_path);
	free(missing);
	free(work);
	folder_remove(folder, &paths);
}

TEST(odd_names_work)
{
	struct mounts mounts = { .count = 0 };
	char *work = make_workspace(), *odd = path_join(work, "a b\n\"c\"");
	char long_path[4000], *end;

	CHECK_EQ(mkdir(odd, 0755), 0);
	CHECK_EQ(add(&mounts, odd, NULL), 0);
	(void)snprintf(long_path, sizeof(long_path), "%s", work);
	for (end = long_path + strlen(long_path); end - long_path < 3700; end += strlen(end)) {
		(void)snprintf(end, 202, "/%0200d", 0);
		CHECK_EQ(mkdir(long_path, 0755), 0);
	}
	CHECK_EQ(add(&mounts, long_path, NULL), 0);
	mounts_finish(&mounts);
	free(odd);
	free(work);
	folder_remove(folder, &paths);
}

TEST(the_systems_own_places_stay_its_own)
{
	CHECK(mount_target_is_valid("/home/agent/workspace") && mount_target_is_valid("/etc/x"));
	CHECK(!mount_target_is_valid("/") && !mount_target_is_valid("/proc/x"));
	CHECK(!mount_target_is_valid("/usr/bin") && !mount_target_is_valid("/etc"));
	CHECK(!mount_target_is_valid("/a/../usr") && !mount_target_is_valid("/a/./b"));
	CHECK(!mount_target_is_valid("/a/") && !mount_target_is_valid("a"));
	CHECK(mount_target_is_valid("/process") && mount_target_is_valid("/..a/b.."));
}

TEST(a_source_that_became_a_link_is_not_followed)
{
	struct mounts mounts = { .count = 0 };
	struct err err = ERR_INIT;
	char *work = make_workspace();
	int fd = -1;

	CHECK_EQ(add(&mounts, work, NULL), 0);
	CHECK_EQ(mount_open(&mounts.items[0], false, &fd, &err), 0);
	(void)close(fd);
	CHECK_EQ(file_remove_tree(AT_FDCWD, work), 0);
	CHECK_EQ(symlink("/etc", work), 0);
	CHECK_EQ(mount_open(&mounts.items[0], false, &fd, &err), -ELOOP);
	mounts_finish(&mounts);
	free(work);
	folder_remove(folder, &paths);
}

TEST_MAIN()
