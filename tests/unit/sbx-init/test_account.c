#include "sbx-init/account.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/test.h"

struct fixture {
	char folder[64];
	int root;
	struct buf text;
};

static bool start(struct fixture *f)
{
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/sbx-account-XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return false;
	f->root = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	buf_init(&f->text, 65536);
	return f->root >= 0;
}

static void finish(struct fixture *f)
{
	buf_finish(&f->text);
	(void)close(f->root);
	(void)file_remove_tree(AT_FDCWD, f->folder);
}

static bool put(struct fixture *f, const char *path, const char *text, mode_t mode)
{
	(void)mkdirat(f->root, "etc", 0755);
	return file_write(f->root, path, text, strlen(text), mode) == 0;
}

static const char *read_back(struct fixture *f, const char *path)
{
	buf_clear(&f->text);
	return file_read(f->root, path, &f->text) < 0 ? "(none)" : buf_str(&f->text);
}

/* Owners can be given away by root only. */
static bool ensure(struct fixture *f)
{
	struct err err = ERR_INIT;

	return account_ensure(f->root, &err) == 0;
}

TEST(an_empty_image_gets_root_and_agent)
{
	struct fixture f;

	if (geteuid() != 0)
		SKIP("needs root, to give a home away");
	CHECK(start(&f));
	CHECK(ensure(&f));
	CHECK_STR(read_back(&f, "etc/passwd"),
		  "root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000::/home/agent:/bin/sh\n");
	CHECK_STR(read_back(&f, "etc/group"), "root:x:0:\nagent:x:1000:\n");
	CHECK_STR(read_back(&f, "etc/shadow"), "(none)");
	finish(&f);
}

TEST(who_is_there_stays_and_groups_are_joined)
{
	struct fixture f;
	struct stat info;

	if (geteuid() != 0)
		SKIP("needs root, to give a home away");
	CHECK(start(&f));
	CHECK(put(&f, "etc/passwd", "root:x:0:0:root:/root:/bin/ash", 0644));
	CHECK(put(&f, "etc/group", "root:x:0:\nsudo:x:27:\ndocker:x:999:me\n", 0644));
	CHECK(put(&f, "etc/shadow", "root:*:1::::::\n", 0640));
	CHECK_EQ(mkdirat(f.root, "etc/sudoers.d", 0755), 0);
	CHECK(ensure(&f));
	CHECK_STR(read_back(&f, "etc/passwd"),
		  "root:x:0:0:root:/root:/bin/ash\nagent:x:1000:1000::/home/agent:/bin/sh\n");
	CHECK_STR(read_back(&f, "etc/group"),
		  "root:x:0:\nsudo:x:27:agent\ndocker:x:999:me,agent\nagent:x:1000:\n");
	CHECK_STR(read_back(&f, "etc/shadow"), "root:*:1::::::\nagent:*:::::::\n");
	CHECK_EQ(fstatat(f.root, "etc/shadow", &info, 0), 0);
	CHECK_EQ(info.st_mode & 07777, 0640);
	CHECK_EQ(fstatat(f.root, "etc/sudoers.d/agent", &info, 0), 0);
	CHECK_EQ(info.st_mode & 07777, 0440);
	CHECK_EQ(fstatat(f.root, "home/agent", &info, 0), 0);
	CHECK_EQ(info.st_uid, 1000);
	finish(&f);
}

TEST(the_number_is_shown_as_agent)
{
	struct fixture f;

	if (geteuid() != 0)
		SKIP("needs root, to give a home away");
	CHECK(start(&f));
	CHECK(put(&f, "etc/passwd", "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/h:/bin/sh\n",
		  0644));
	CHECK(put(&f, "etc/group", "root:x:0:\nnode:x:1000:\n", 0644));
	CHECK(ensure(&f));
	CHECK_STR(read_back(&f, "etc/passwd"),
		  "agent:x:1000:1000::/home/agent:/bin/sh\n"
		  "root:x:0:0::/root:/bin/sh\n"
		  "node:x:1000:1000::/h:/bin/sh\n");
	CHECK_STR(read_back(&f, "etc/group"), "root:x:0:\nnode:x:1000:\n");
	finish(&f);
}

TEST(an_agent_that_is_there_is_left_alone)
{
	static const char users[] = "agent:x:1000:1000::/home/agent:/bin/zsh\n";
	struct fixture f;

	CHECK(start(&f));
	CHECK(put(&f, "etc/passwd", users, 0644));
	CHECK(ensure(&f));
	CHECK_STR(read_back(&f, "etc/passwd"), users);
	CHECK_STR(read_back(&f, "etc/group"), "(none)");
	finish(&f);
}

TEST_MAIN()
