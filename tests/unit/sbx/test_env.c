#include "sbx/env.h"

#include <errno.h>
#include <unistd.h>

#include "app/options.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "tests/unit/test.h"

static bool write_file(char *name, const char *text, size_t len)
{
	autoclose int fd = mkstemp(name);

	return fd >= 0 && fd_write_full(fd, text, len) == 0;
}

TEST(files_then_items)
{
	static const char content[] =
		"# comment\n\n  A=file\r\nB=two words\nSBX_TEST_HERE\n"
		"SBX_TEST_ABSENT\n=broken is not here";
	char name[] = "env-XXXXXX";
	const char *files[] = { name };
	const char *items[] = { "A=flag", "SBX_TEST_HERE", "SBX_TEST_ABSENT", "C=" };
	struct option_list file_list = { files, 1 }, item_list = { items, 4 };
	autocall(env_finish) struct env env = { .items = NULL };
	struct err err = ERR_INIT;

	(void)setenv("SBX_TEST_HERE", "value", 1);
	(void)unsetenv("SBX_TEST_ABSENT");
	CHECK(write_file(name, content, strlen(content) - strlen("\n=broken is not here")));
	CHECK_EQ(env_add(&env, &file_list, &item_list, &err), 0);
	(void)unlink(name);
	CHECK_EQ(env.count, 6);
	CHECK_STR(env.items[0], "A=file");
	CHECK_STR(env.items[1], "B=two words");
	CHECK_STR(env.items[2], "SBX_TEST_HERE=value");
	CHECK_STR(env.items[3], "A=flag");
	CHECK_STR(env.items[4], "SBX_TEST_HERE=value");
	CHECK_STR(env.items[5], "C=");
	CHECK(env.items[6] == NULL);
}

TEST(what_is_wrong_is_told)
{
	static const char binary[] = "A=1\0B=2";
	char name[] = "env-XXXXXX";
	const char *files[] = { name };
	const char *items[] = { "=x" };
	const char *absent[] = { "no/such/file" };
	struct option_list none = { .items = NULL }, bad = { items, 1 }, file_list = { files, 1 },
			   absent_list = { absent, 1 };
	autocall(env_finish) struct env env = { .items = NULL };
	struct err err = ERR_INIT;

	CHECK_EQ(env_add(&env, &none, &bad, &err), -EINVAL);
	CHECK_STR(err.text, "'=x' names no variable; write NAME=VALUE");
	CHECK_EQ(env_add(&env, &absent_list, &none, &err), -ENOENT);
	CHECK(write_file(name, binary, sizeof(binary) - 1));
	CHECK_EQ(env_add(&env, &file_list, &none, &err), -EINVAL);
	(void)unlink(name);
}

TEST_MAIN()
