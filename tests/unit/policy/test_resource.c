#include <errno.h>

#include "base/err.h"
#include "policy/policy.h"
#include "tests/unit/test.h"

/* Parsed and written again; "-" when refused. */
static const char *again(const char *text)
{
	static char ret[POLICY_RESOURCE_MAX];
	struct policy_resource resource;
	struct err err = ERR_INIT;

	if (policy_resource_parse(text, &resource, &err) < 0)
		return err.text[0] != '\0' ? "-" : "no sentence";
	policy_resource_format(&resource, ret);
	policy_resource_finish(&resource);
	return ret;
}

TEST(hosts)
{
	CHECK_STR(again("Example.com"), "example.com");
	CHECK_STR(again("example.com.:443"), "example.com:443");
	CHECK_STR(again("*.example.com"), "*.example.com");
	CHECK_STR(again("**.example.com:80"), "**.example.com:80");
	CHECK_STR(again("**"), "**");
	CHECK_STR(again("**:443"), "**:443");
	CHECK_STR(again("api-?.x[a-c].d"), "api-?.x[a-c].d");
	CHECK_STR(again("[ab].example"), "[ab].example");
	CHECK_STR(again("localhost:8080"), "localhost:8080");
	CHECK_STR(again("a.b:65535"), "a.b:65535");
}

TEST(addresses)
{
	CHECK_STR(again("192.0.2.1"), "192.0.2.1");
	CHECK_STR(again("192.0.2.1:22"), "192.0.2.1:22");
	CHECK_STR(again("10.0.0.0/8"), "10.0.0.0/8");
	CHECK_STR(again("10.0.0.0/8:5432"), "10.0.0.0/8:5432");
	CHECK_STR(again("192.0.2.1/32"), "192.0.2.1");
	CHECK_STR(again("0.0.0.0/0"), "0.0.0.0/0");
	CHECK_STR(again("[2001:db8::1]"), "[2001:db8::1]");
	CHECK_STR(again("[2001:db8::1]:443"), "[2001:db8::1]:443");
	CHECK_STR(again("2001:db8::/32"), "2001:db8::/32");
	CHECK_STR(again("[2001:db8::/32]:80"), "[2001:db8::/32]:80");
	CHECK_STR(again("2001:db8::1/128"), "[2001:db8::1]");
	CHECK_STR(again("::/0"), "::/0");
}

TEST(what_is_refused)
{
	static const char *const texts[] = {
		"",
		"*",
		"*:443",
		"https://example.com",
		"http://example.com:80/x",
		"example.com/x",
		"user@example.com",
		"a\\.b",
		"a b",
		"b\xc3\xbc"
		"cher.example",
		"example.com:",
		"example.com:0",
		"example.com:65536",
		"example.com:080",
		"example.com:http",
		"example.com:-1",
		":443",
		".example.com",
		"a..b",
		"a.**.b",
		"x**.b",
		"***.b",
		"**b",
		"-a.b",
		"a-.b",
		"[abc",
		"[].b",
		"[!].b",
		"[z-a].b",
		"[a.b].c",
		"a]",
		"256.0.0.1",
		"1.2.3",
		"1.2.3.04",
		"0x7f.1",
		"10.0.0.1/8",
		"10.0.0.0/33",
		"10.0.0.0/",
		"10.0.0.0/08",
		"10.0.0.0/x",
		"::1",
		"2001:db8::1",
		"[::1",
		"[::1]x",
		"[::1]:",
		"[1.2.3.4]",
		"[1.2.3.4]:80",
		"[fe80::1%eth0]",
		"::ffff:10.0.0.1/128",
		"[::ffff:10.0.0.1]:80",
		"2001:db8::1/32",
		"2001:db8::/129",
		"a:b:c",
		"a,b",
		"a%b.c",
		"a$b",
		"\"a\"",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(again(texts[i]), "-") != 0)
			TEST_FAIL_("'%s' was taken as '%s'", texts[i], again(texts[i]));
}

TEST(sentences_say_what_to_write)
{
	struct policy_resource resource;
	struct err err = ERR_INIT;

	CHECK_EQ(policy_resource_parse("2001:db8::1", &resource, &err), -EINVAL);
	CHECK(strstr(err.text, "[2001:db8::1]:PORT") != NULL);
	CHECK(strstr(err.text, "2001:db8::1/128") != NULL);
	CHECK_EQ(policy_resource_parse("*", &resource, &err), -EINVAL);
	CHECK(strstr(err.text, "'**'") != NULL);
	CHECK_EQ(policy_resource_parse("::ffff:10.0.0.1/128", &resource, &err), -EINVAL);
	CHECK(strstr(err.text, "10.0.0.1") != NULL);
	CHECK_EQ(policy_resource_parse("https://example.com/", &resource, &err), -EINVAL);
	CHECK(strstr(err.text, "URL") != NULL);
}

TEST(a_very_long_text_is_refused)
{
	char text[2000];
	struct policy_resource resource;
	struct err err = ERR_INIT;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK_EQ(policy_resource_parse(text, &resource, &err), -EINVAL);
	text[300] = '\0';
	CHECK_EQ(policy_resource_parse(text, &resource, &err), -EINVAL);
}

TEST(matches)
{
	struct policy_resource resource;
	struct err err = ERR_INIT;
	struct policy_question question = { .name = "a.example.com",
					    .port = 443,
					    .protocol = POLICY_TCP };

	CHECK_EQ(policy_resource_parse("**.example.com:443", &resource, &err), 0);
	CHECK(policy_resource_matches(&resource, &question));
	question.port = 80;
	CHECK(!policy_resource_matches(&resource, &question));
	policy_resource_finish(&resource);
}

TEST_MAIN()
