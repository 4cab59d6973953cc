#include "sbx-init/user.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "sbx-init/machine.h"
#include "tests/unit/test.h"

static const char passwd[] =
	"root:x:0:0:root:/root:/bin/bash\n"
	"# comment\n"
	"short:x:5\n"
	"bad:x:abc:0:::\n"
	"agent:x:1000:1000:,,,:/home/agent:/bin/zsh\n"
	"odd:x:1001:1001::not-absolute:\n";
static const char group[] =
	"root:x:0:\nagent:x:1000:\ndocker:x:107:agents,agent\n"
	"other:x:108:agents\nlast:x:109:agent";

struct files {
	char folder[64], passwd[96], group[96];
	struct places places;
};

static int make_files(struct files *files)
{
	(void)snprintf(files->folder, sizeof(files->folder), "/tmp/sbx-user-XXXXXX");
	if (mkdtemp(files->folder) == NULL)
		return -1;
	(void)snprintf(files->passwd, sizeof(files->passwd), "%s/passwd", files->folder);
	(void)snprintf(files->group, sizeof(files->group), "%s/group", files->folder);
	files->places = (struct places){ .passwd = files->passwd, .group = files->group };
	if (file_write(AT_FDCWD, files->passwd, passwd, sizeof(passwd) - 1, 0600) < 0)
		return -1;
	return file_write(AT_FDCWD, files->group, group, sizeof(group) - 1, 0600);
}

TEST(a_name_brings_its_groups)
{
	struct err err = ERR_INIT;
	struct files files;
	struct user user;

	CHECK_EQ(make_files(&files), 0);
	CHECK_EQ(user_find(&files.places, "agent", &err, &user), 0);
	CHECK_EQ(user.uid, 1000);
	CHECK_EQ(user.gid, 1000);
	CHECK_STR(user.home, "/home/agent");
	CHECK_STR(user.shell, "/bin/zsh");
	CHECK_EQ(user.groups_count, 3);
	CHECK_EQ(user.groups[0], 107);
	CHECK_EQ(user.groups[1], 109);
	CHECK_EQ(user.groups[2], 1000);
	CHECK_EQ(file_remove_tree(AT_FDCWD, files.folder), 0);
}

TEST(groups_and_numbers_are_understood)
{
	struct err err = ERR_INIT;
	struct files files;
	struct user user;

	CHECK_EQ(make_files(&files), 0);
	CHECK_EQ(user_find(&files.places, "agent:docker", &err, &user), 0);
	CHECK_EQ(user.gid, 107);
	CHECK_EQ(user_find(&files.places, "1000:42", &err, &user), 0);
	CHECK_STR(user.name, "agent");
	CHECK_EQ(user.gid, 42);
	CHECK_EQ(user_find(&files.places, "4711", &err, &user), 0);
	CHECK_EQ(user.uid, 4711);
	CHECK_STR(user.home, "/");
	CHECK_EQ(user_find(&files.places, "odd", &err, &user), 0);
	CHECK_STR(user.home, "/");
	CHECK_STR(user.shell, "/bin/sh");
	CHECK_EQ(file_remove_tree(AT_FDCWD, files.folder), 0);
}

TEST(strangers_are_refused_by_name)
{
	static const char *const specs[] = { "short", "bad", "nobody", "", ":root", "4294967295" };
	struct err err = ERR_INIT;
	struct files files;
	struct user user;

	CHECK_EQ(make_files(&files), 0);
	for (size_t i = 0; i < 6; i++)
		CHECK(user_find(&files.places, specs[i], &err, &user) < 0);
	CHECK_EQ(user_find(&files.places, "agent:nope", &err, &user), -EPERM);
	CHECK_STR(err.text, "the sandbox has no group 'nope'");
	CHECK_EQ(file_remove_tree(AT_FDCWD, files.folder), 0);
}

TEST_MAIN()
