#include "sbxd/name.h"

#include <errno.h>

#include "base/err.h"
#include "tests/unit/test.h"

TEST(the_rule)
{
	CHECK(name_is_valid("ab") && name_is_valid("a-b.c") && name_is_valid("A1"));
	CHECK(!name_is_valid("") && !name_is_valid("a"));
	CHECK(!name_is_valid("-ab") && !name_is_valid("ab-") && !name_is_valid(".ab"));
	CHECK(!name_is_valid("a_b") && !name_is_valid("a/b") && !name_is_valid("a b"));
	CHECK(!name_is_valid("..") && !name_is_valid("a\nb") && !name_is_valid("\xc3\xa4\xc3\xa4"));
	CHECK(!name_is_valid("default") && name_is_valid("default1"));
}

TEST(length)
{
	char name[70];

	memset(name, 'a', sizeof(name));
	name[63] = '\0';
	CHECK(name_is_valid(name));
	name[63] = 'a';
	name[64] = '\0';
	CHECK(!name_is_valid(name));
}

TEST(a_refusal_tells_the_rule)
{
	struct err err = ERR_INIT;

	CHECK_EQ(name_check("a b", &err), -EINVAL);
	CHECK(strstr(err.text, "a b") != NULL && strstr(err.text, "2 to 63") != NULL);
}

TEST(suggestions_are_valid_names)
{
	static const char *const workspaces[] = {
		"/home/me/src", "/a b\nc", "/x/.hidden.", "/", "/---", "/\xc3\xa9t\xc3\xa9", NULL
	};

	for (size_t i = 0; i < sizeof(workspaces) / sizeof(workspaces[0]); i++) {
		char name[NAME_SIZE];

		name_suggest("shell", workspaces[i], 1, name);
		CHECK(name_is_valid(name));
		name_suggest("shell", workspaces[i], 12, name);
		CHECK(name_is_valid(name));
	}
}

TEST(suggestions_say_what_they_are_of)
{
	char name[NAME_SIZE], long_path[4000];

	name_suggest("shell", "/home/me/src", 1, name);
	CHECK_STR(name, "shell-src");
	name_suggest("shell", "/home/me/src", 3, name);
	CHECK_STR(name, "shell-src-3");
	name_suggest("shell", NULL, 1, name);
	CHECK_STR(name, "shell");
	memset(long_path, 'x', sizeof(long_path));
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	name_suggest("shell", long_path, 100, name);
	CHECK(name_is_valid(name));
	CHECK_STR(name + strlen(name) - 4, "-100");
}

TEST_MAIN()
