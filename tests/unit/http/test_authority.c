#include "http/authority.h"

#include <errno.h>

#include "base/check.h"
#include "tests/unit/test.h"

static bool is_equal(const char *a, const char *b, const char *scheme)
{
	char one[HTTP_AUTHORITY_MAX], other[HTTP_AUTHORITY_MAX];

	return http_authority_check(a, strlen(a), one) == 0 &&
	       http_authority_check(b, strlen(b), other) == 0 &&
	       http_authority_equal(one, other, scheme);
}

/* The refusals are in heads.txt. */
TEST(an_authority_has_one_form)
{
	static const char *const cases[][2] = {
		{ "Example.COM", "example.com" },
		{ "example.com.", "example.com" },
		{ "example.com.:443", "example.com:443" },
		{ "a_b-c.d", "a_b-c.d" },
		{ "192.0.2.1:8080", "192.0.2.1:8080" },
		{ "[2001:DB8:0:0::1]", "[2001:db8::1]" },
		{ "[::FFFF:192.0.2.1]:1", "[::ffff:192.0.2.1]:1" },
	};
	char got[HTTP_AUTHORITY_MAX];

	for (size_t i = 0; i < countof(cases); i++) {
		CHECK_EQ(http_authority_check(cases[i][0], strlen(cases[i][0]), got), 0);
		CHECK_STR(got, cases[i][1]);
	}
	CHECK_EQ(http_authority_check("a\0b", 3, got), -EINVAL);
	CHECK_EQ(http_authority_check("", 0, got), -EINVAL);
	CHECK_EQ(http_authority_check("[", 1, got), -EINVAL);
}

TEST(an_authority_splits)
{
	char host[HTTP_HOST_MAX];
	uint16_t port;

	CHECK_EQ(http_authority_split("a.example:65535", host, &port), 0);
	CHECK_STR(host, "a.example");
	CHECK_EQ(port, 65535);
	CHECK_EQ(http_authority_split("[2001:db8::1]", host, &port), 0);
	CHECK_STR(host, "2001:db8::1");
	CHECK_EQ(port, 0);
}

TEST(the_default_port_may_be_left_out)
{
	CHECK(is_equal("a", "A:80", "http"));
	CHECK(is_equal("a.", "a:443", "https"));
	CHECK(is_equal("[::1]", "[0::1]:443", "https"));
	CHECK(!is_equal("a", "a:443", "http"));
	CHECK(!is_equal("a:443", "a:80", "http"));
	CHECK(!is_equal("a", "b", "http"));
	CHECK(!is_equal("a", "a.b", "http"));
}

TEST_MAIN()
