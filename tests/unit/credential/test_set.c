#include <errno.h>

#include "base/check.h"
#include "tests/unit/credential/sample.h"
#include "tests/unit/test.h"

struct target_case {
	const char *pattern, *host;
	uint16_t port;
	bool matches;
};

static const struct target_case target_cases[] = {
	{ "api.test", "api.test", 443, true },
	{ "api.test", "API.test", 443, true },
	{ "api.test", "xapi.test", 443, false },
	{ "api.test", "api.test.evil", 443, false },
	{ "api.test", "a.api.test", 443, false },
	{ "*.test", "a.test", 1, true },
	{ "*.test", "a.b.test", 1, false },
	{ "*.test", "test", 1, false },
	{ "*.test", ".test", 1, false },
	{ "**.test", "a.b.test", 1, true },
	{ "**.test", "a.test", 1, true },
	{ "**.test", "test", 1, false },
	{ "**.test", "atest", 1, false },
	{ "*", "a.b", 1, true },
	{ "**", "a.b", 1, true },
	{ "a-*.test", "a-b.test", 1, true },
	{ "a-*.test", "a-.test", 1, false },
	{ "a?.test", "ab.test", 1, true },
	{ "a?test", "a.test", 1, false },
	{ "**.a.*.test", "x.y.a.b.test", 1, true },
	{ "api.test:443", "api.test", 443, true },
	{ "api.test:443", "api.test", 80, false },
	{ "[::1]:80", "::1", 80, true },
	{ "[::1]:80", "::1", 81, false },
	{ "::1", "::1", 81, true },
	{ "", "a", 1, false },
	{ "a", "", 1, false },
};

TEST(targets)
{
	for (size_t i = 0; i < countof(target_cases); i++) {
		const struct target_case *c = &target_cases[i];

		if (credential_target_matches(c->pattern, c->host, c->port) != c->matches)
			TEST_FAIL_("%s and %s:%u", c->pattern, c->host, c->port);
	}
}

TEST(a_pattern_full_of_stars_costs_no_time)
{
	char pattern[199], host[254];

	for (size_t i = 0; i < 198; i++)
		pattern[i] = "**a"[i % 3];
	pattern[198] = '\0';
	memset(host, 'a', 253);
	host[253] = '\0';
	host[252] = 'b';
	CHECK(!credential_target_matches(pattern, host, 1));
}

/* P25: what would split a header is no value. */
TEST(values_that_split_headers_are_refused)
{
	static const char *const bad[] = { "a\rb", "a\nb", "a\r\nX: y", "\x7f", "\x1b[m" };
	struct credential credential = { .name = NULL };

	for (size_t i = 0; i < countof(bad); i++)
		CHECK_EQ(credential_set_value(&credential, bad[i], strlen(bad[i])), -EINVAL);
	CHECK_EQ(credential_set_value(&credential, "a\0b", 3), -EINVAL);
	CHECK_EQ(credential_set_value(&credential, "", 0), -EINVAL);
	CHECK(credential.value == NULL);
	CHECK_EQ(credential_set_value(&credential, "a\tb", 3), 0);
	CHECK_STR(credential.value, "a\tb");
	credential_finish(&credential);
}

TEST(half_told_credentials_make_no_set)
{
	struct credential items[2] = {
		sample_credential(&(struct sample){ "a", CREDENTIAL_SERVICE, "h", "x-api-key", "%s",
						    NULL, NULL, "0123456789" }),
		sample_credential(&(struct sample){ "b", CREDENTIAL_CUSTOM, "h", NULL, NULL, NULL,
						    NULL, "0123456789" }),
	};
	struct credentials *set = NULL;

	CHECK_EQ(credentials_create(items, 2, &set), -EINVAL);
	CHECK(set == NULL && items[0].name == NULL && items[1].value == NULL);
}

TEST(binding)
{
	static const struct sample samples[] = {
		{ "a", CREDENTIAL_SERVICE, "api.test *.b.test:8443", "x-api-key", "%s", NULL, NULL,
		  "0123456789" },
	};
	struct credentials *set = sample_set(samples, 1);

	CHECK(set != NULL);
	CHECK(credentials_bind(set, "api.test", 80));
	CHECK(credentials_bind(set, "x.b.test", 8443));
	CHECK(!credentials_bind(set, "x.b.test", 443));
	CHECK(!credentials_bind(NULL, "api.test", 80));
	credentials_destroy(set);
}

TEST_MAIN()
