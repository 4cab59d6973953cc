#include <errno.h>

#include "policy/policy.h"
#include "tests/unit/test.h"

static const char *checked(const char *name)
{
	static char ret[POLICY_NAME_MAX + 1];

	return policy_name_check(name, strlen(name), ret) == 0 ? ret : "-";
}

TEST(names_become_lower_case_without_a_last_dot)
{
	CHECK_STR(checked("Example.COM"), "example.com");
	CHECK_STR(checked("example.com."), "example.com");
	CHECK_STR(checked("_sip._tcp.example.com"), "_sip._tcp.example.com");
	CHECK_STR(checked("1e100.net"), "1e100.net");
	CHECK_STR(checked("localhost"), "localhost");
	CHECK_STR(checked("0x.example"), "0x.example");
}

TEST(what_is_no_name_is_refused)
{
	static const char *const names[] = {
		"",	  ".",	       "..",   "a..b", ".a",	 "a..",	       "-a.b",
		"a-.b",	  "a b",       "a/b",  "a:1",  "a@b",	 "\xc3\xa4.b", "a\n",
		"*.a",	  "127.0.0.1", "1",    "0x7f", "a.0x7f", "a.123",      "0x",
		"a.0X1f", "[::1]",     "a\\b", "%61.b"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK_STR(checked(names[i]), "-");
}

TEST(a_nul_within_is_refused)
{
	char ret[POLICY_NAME_MAX + 1] = "kept";

	CHECK_EQ(policy_name_check("a\0.com", 6, ret), -EINVAL);
	CHECK_STR(ret, "kept");
}

TEST(lengths)
{
	char name[300], ret[POLICY_NAME_MAX + 1];

	memset(name, 'a', sizeof(name));
	for (size_t i = 63; i < sizeof(name); i += 64)
		name[i] = '.';
	CHECK_EQ(policy_name_check(name, 253, ret), 0);
	CHECK_EQ(strlen(ret), 253);
	CHECK_EQ(policy_name_check(name, 254, ret), -EINVAL);
	memset(name, 'a', 64);
	CHECK_EQ(policy_name_check(name, 63, ret), 0);
	CHECK_EQ(policy_name_check(name, 64, ret), -EINVAL);
}

TEST_MAIN()
