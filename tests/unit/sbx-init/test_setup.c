#include "sbx-init/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "sbx-init/share.h"
#include "tests/unit/test.h"
#include "wire/guest.h"

TEST(host_names_are_names)
{
	CHECK(setup_is_hostname("box"));
	CHECK(setup_is_hostname("my-box-2"));
	CHECK(!setup_is_hostname(""));
	CHECK(!setup_is_hostname("-box"));
	CHECK(!setup_is_hostname("box-"));
	CHECK(!setup_is_hostname("a.b"));
	CHECK(!setup_is_hostname("a\nb"));
	CHECK(!setup_is_hostname(
		"0123456789012345678901234567890123456789012345678901234567890123"));
}

TEST(a_bad_name_changes_nothing)
{
	char name[] = "no good";
	const struct guest_message request = { .type = GUEST_SETUP, .hostname = name };
	struct err err = ERR_INIT;

	CHECK_EQ(setup_apply(&request, &err), -EINVAL);
	CHECK_STR(err.text, "'no good' is not a host name");
}

TEST(targets_are_made_with_their_parents)
{
	char folder[] = "/tmp/sbx-share-XXXXXX", path[128];
	struct err err = ERR_INIT;
	struct stat info;

	CHECK(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/a/b c/d", folder);
	CHECK_EQ(share_make_target(path, 0, &err), 0);
	CHECK_EQ(stat(path, &info), 0);
	CHECK(S_ISDIR(info.st_mode));
	CHECK_EQ(share_make_target(path, 0, &err), 0);
	(void)snprintf(path, sizeof(path), "%s/a/x/file", folder);
	CHECK_EQ(share_make_target(path, 1, &err), 0);
	CHECK_EQ(stat(path, &info), 0);
	CHECK(S_ISREG(info.st_mode));
	(void)snprintf(path, sizeof(path), "%s/a/x/file/below", folder);
	CHECK_EQ(share_make_target(path, 0, &err), -ENOTDIR);
	CHECK_EQ(share_make_target("relative", 0, &err), -EINVAL);
	CHECK_EQ(file_remove_tree(AT_FDCWD, folder), 0);
}

TEST(sources_that_are_no_entries_are_refused)
{
	char target[] = "/tmp/sbx-never", up[] = "..", deep[] = "a/b", none[] = "";
	char *sources[] = { up, deep, none, NULL };
	struct err err = ERR_INIT;

	for (int i = 0; i < 4; i++) {
		const struct guest_message request = { .type = GUEST_MOUNT,
						       .source = sources[i],
						       .target = target };

		CHECK_EQ(share_mount(&request, &err), -EINVAL);
	}
	CHECK(access(target, F_OK) < 0);
}

TEST_MAIN()
