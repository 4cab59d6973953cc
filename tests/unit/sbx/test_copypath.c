#include "sbx/copypath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/test.h"

TEST(which_side_is_the_sandbox)
{
	static const struct {
		const char *text, *name, *path;
	} cases[] = {
		{ "demo:/tmp", "demo", "/tmp" }, { "demo:", "demo", "" },
		{ "a:b:/c", "a", "b:/c" },	 { "./a:b", NULL, NULL },
		{ "/tmp/a:b", NULL, NULL },	 { "plain", NULL, NULL },
		{ ":/x", NULL, NULL },		 { "-", NULL, NULL },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		const char *path = NULL;
		autofree char *name = copypath_sandbox(cases[i].text, &path);

		CHECK_EQ(name != NULL, cases[i].name != NULL);
		if (name == NULL)
			continue;
		CHECK_STR(name, cases[i].name);
		CHECK_STR(path, cases[i].path);
	}
}

TEST(ends_of_paths)
{
	static const struct {
		const char *path, *stripped;
		bool content, folder;
	} cases[] = {
		{ "a", "a", false, false },	  { "a/", "a", false, true },
		{ "a//", "a", false, true },	  { "a/.", "a", true, true },
		{ ".", ".", true, true },	  { "./.", ".", true, true },
		{ "/", "/", false, true },	  { "/.", "/", true, true },
		{ "a/..", "a/..", false, false }, { "a/b.", "a/b.", false, false },
		{ "", "", false, false },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		autofree char *stripped = copypath_strip(cases[i].path);

		CHECK_STR(stripped, cases[i].stripped);
		CHECK_EQ(copypath_is_content(cases[i].path), cases[i].content);
		CHECK_EQ(copypath_wants_folder(cases[i].path), cases[i].folder);
	}
}

TEST(into_a_folder)
{
	autofree char *plain = copypath_into("/tmp/", "x/y.txt");
	autofree char *root = copypath_into("/", "x/y/");
	autofree char *up = copypath_into("/a", "/dev/shm/..");

	CHECK_STR(plain, "/tmp/y.txt");
	CHECK_STR(root, "/y");
	CHECK_STR(up, "/a/dev");
}

TEST(places_on_this_machine)
{
	/* the table of docker cp */
	static const struct {
		const char *target, *source, *folder, *name; /* folder below the test's own */
		bool is_folder;				     /* of the source */
		int r;
	} cases[] = {
		{ "new", "/x/file", "", "new", false, 0 },
		{ "new/", "/x/file", NULL, NULL, false, -ENOENT },
		{ "new/.", "/x/file", NULL, NULL, false, -ENOENT },
		{ "there/new", "/x/f", "there", "new", false, 0 },
		{ "there/new/", "/x/f", NULL, NULL, false, -ENOENT },
		{ "no/such", "/x/f", NULL, NULL, false, -ENOENT },
		{ "file", "/x/other", "", "file", false, 0 },
		{ "file/", "/x/other", NULL, NULL, false, -ENOTDIR },
		{ "file/x", "/x/f", NULL, NULL, false, -ENOTDIR },
		{ "there", "/x/file", "there", "file", false, 0 },
		{ "there/", "/x/file", "there", "file", false, 0 },
		{ "link", "/x/file", "there", "file", false, 0 },
		{ ".", "/x/file", "", "file", false, 0 },
		{ "new", "/x/dir", "", "new", true, 0 },
		{ "new/", "/x/dir", "", "new", true, 0 },
		{ "new/", "/x/dir/.", "", "new", true, 0 },
		{ "no/such/", "/x/dir", NULL, NULL, true, -ENOENT },
		{ "file", "/x/dir", NULL, NULL, true, -ENOTDIR },
		{ "file", "/x/dir/.", NULL, NULL, true, -ENOTDIR },
		{ "there/", "/x/dir/", "there", "dir", true, 0 },
		{ "there", "/x/dir/.", "", "there", true, 0 },
		{ "there", "/", NULL, NULL, true, -EINVAL },
	};
	char folder[] = "place-XXXXXX", before[PATH_MAX];
	struct err err = ERR_INIT;

	CHECK(getcwd(before, sizeof(before)) != NULL);
	CHECK(mkdtemp(folder) != NULL && chdir(folder) == 0);
	CHECK(mkdir("there", 0700) == 0 && symlink("there", "link") == 0);
	(void)close(open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	for (size_t i = 0; i < countof(cases); i++) {
		struct copy_place place = { .folder = -1 };
		struct stat wanted, got;

		err = (struct err)ERR_INIT;
		CHECK_EQ(copy_place_find(cases[i].target, cases[i].source, cases[i].is_folder,
					 &place, &err),
			 cases[i].r);
		CHECK_EQ(err.text[0] != '\0', cases[i].r < 0);
		CHECK_EQ(place.folder >= 0, cases[i].r == 0);
		if (cases[i].r < 0)
			continue;
		CHECK_EQ(stat(*cases[i].folder != '\0' ? cases[i].folder : ".", &wanted), 0);
		CHECK_EQ(fstat(place.folder, &got), 0);
		CHECK_EQ(got.st_ino, wanted.st_ino);
		CHECK_STR(place.name, cases[i].name);
		copy_place_finish(&place);
	}
	CHECK_EQ(chdir(before), 0);
	CHECK_EQ(file_remove_tree(AT_FDCWD, folder), 0);
}

TEST_MAIN()
