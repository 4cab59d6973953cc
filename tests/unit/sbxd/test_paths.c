#include "sbxd/paths.h"

#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/sbxd/folder.h"
#include "tests/unit/test.h"

static unsigned mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

TEST(folders_are_private)
{
	char folder[PATH_MAX];
	struct paths paths;

	CHECK_EQ(folder_make(folder, &paths), 0);
	CHECK_EQ(mode_of(paths.state), 0700);
	CHECK_EQ(mode_of(paths.sandboxes), 0700);
	CHECK_EQ(mode_of(paths.run), 0700);
	CHECK_STR(paths.home, folder);
	CHECK_STR(paths.state + strlen(folder), "/state/sbx");
	CHECK_STR(paths.socket + strlen(folder), "/run/sbx/sbxd.sock");
	folder_remove(folder, &paths);
}

TEST(an_app_name_is_another_instance)
{
	char folder[PATH_MAX];
	struct paths paths, other;
	struct err err = ERR_INIT;

	CHECK_EQ(folder_make(folder, &paths), 0);
	CHECK_EQ(paths_init(&other, "test", &err), 0);
	CHECK_STR(other.state + strlen(folder), "/state/sbx-test");
	CHECK_STR(other.socket + strlen(folder), "/run/sbx-test/sbxd.sock");
	paths_finish(&other);
	CHECK_EQ(paths_init(&other, "../x", &err), -EINVAL);
	paths_finish(&other);
	CHECK_EQ(paths_init(&other, "", &err), -EINVAL);
	paths_finish(&other);
	folder_remove(folder, &paths);
}

TEST(a_folder_open_to_others_is_closed)
{
	char folder[PATH_MAX];
	struct paths paths, again;
	struct err err = ERR_INIT;

	CHECK_EQ(folder_make(folder, &paths), 0);
	CHECK_EQ(chmod(paths.run, 0777), 0);
	CHECK_EQ(paths_init(&again, NULL, &err), 0);
	CHECK_EQ(mode_of(paths.run), 0700);
	paths_finish(&again);
	folder_remove(folder, &paths);
}

TEST(a_link_in_place_of_the_run_folder_is_refused)
{
	char folder[PATH_MAX];
	struct paths paths, again;
	struct err err = ERR_INIT;

	CHECK_EQ(folder_make(folder, &paths), 0);
	CHECK_EQ(file_remove_tree(AT_FDCWD, paths.run), 0);
	CHECK_EQ(symlink("/tmp", paths.run), 0);
	CHECK_EQ(paths_init(&again, NULL, &err), -EPERM);
	paths_finish(&again);
	folder_remove(folder, &paths);
}

TEST(a_relative_xdg_path_is_ignored)
{
	char folder[PATH_MAX];
	struct paths paths, again;
	struct err err = ERR_INIT;

	CHECK_EQ(folder_make(folder, &paths), 0);
	(void)setenv("XDG_STATE_HOME", "relative", 1);
	CHECK_EQ(paths_init(&again, NULL, &err), 0);
	CHECK_STR(again.state + strlen(folder), "/.local/state/sbx");
	paths_finish(&again);
	folder_remove(folder, &paths);
}

TEST_MAIN()
