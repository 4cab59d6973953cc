#include "policy/http.h"

#include <errno.h>

#include "base/err.h"
#include "tests/unit/test.h"

static int make(struct policy_rule *rule, const char *resource, const char *methods,
		const char *path)
{
	struct err err = ERR_INIT;
	int r;

	*rule = (struct policy_rule){ .protocols = POLICY_TCP };
	r = policy_resource_parse(resource, &rule->resource, &err);
	if (r == 0)
		r = policy_rule_set_http(rule, methods, path, &err);
	if (r < 0) {
		policy_rule_finish(rule);
		return err.text[0] == '\0' ? 0 : r;
	}
	return 0;
}

TEST(methods_are_upper_case)
{
	struct policy_rule rule;

	CHECK_EQ(make(&rule, "a.example", "get,Post", NULL), 0);
	CHECK_STR(rule.methods, "GET,POST");
	CHECK(http_rule_matches(&rule, "GET", "/"));
	CHECK(http_rule_matches(&rule, "POST", "/"));
	CHECK(!http_rule_matches(&rule, "PO", "/"));
	CHECK(!http_rule_matches(&rule, "POSTX", "/"));
	CHECK(!http_rule_matches(&rule, "GET,POST", "/"));
	policy_rule_finish(&rule);
}

TEST(no_method_is_any)
{
	struct policy_rule rule;

	CHECK_EQ(make(&rule, "a.example", NULL, "/a/*/c"), 0);
	CHECK_STR(rule.methods, "ANY");
	CHECK(http_rule_matches(&rule, "PROPFIND", "/a/b/c"));
	CHECK(!http_rule_matches(&rule, "GET", "/a/b/b/c"));
	policy_rule_finish(&rule);
}

TEST(what_is_refused)
{
	static const struct {
		const char *resource, *methods, *path;
	} rows[] = {
		{ "10.0.0.1", "GET", NULL },
		{ "10.0.0.0/8", NULL, "/a" },
		{ "[2001:db8::1]:80", "GET", "/" },
		{ "a.example", "", NULL },
		{ "a.example", "GET,", NULL },
		{ "a.example", "GET POST", NULL },
		{ "a.example", "ANY,GET", NULL },
		{ "a.example", "G/T", NULL },
		{ "a.example", "GET", "" },
		{ "a.example", "GET", "a" },
		{ "a.example", "GET", "/a//b" },
		{ "a.example", "GET", "/../a" },
		{ "a.example", "GET", "/a/./b" },
		{ "a.example", "GET", "/a?b=c" },
		{ "a.example", "GET", "/a#b" },
		{ "a.example", "GET", "/a b" },
		{ "a.example", "GET", "/a\\b" },
		{ "a.example", "GET", "/a**" },
		{ "a.example", "GET", "/a/**b" },
		{ "a.example", "GET", "/***" },
		{ "a.example", "GET", "/a/..%2f/.." },
	};
	struct policy_rule rule;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (make(&rule, rows[i].resource, rows[i].methods, rows[i].path) != -EINVAL)
			TEST_FAIL_("row %zu was taken", i);
}

TEST(udp_has_no_requests)
{
	struct policy_rule rule = { .protocols = POLICY_TCP | POLICY_UDP };
	struct err err = ERR_INIT;

	CHECK_EQ(policy_resource_parse("a.example", &rule.resource, &err), 0);
	CHECK_EQ(policy_rule_set_http(&rule, "GET", NULL, &err), -EINVAL);
	policy_rule_finish(&rule);
}

TEST(questions)
{
	CHECK(http_is_question(NULL, NULL));
	CHECK(http_is_question("GET", "/"));
	CHECK(http_is_question("GET", "/a/b/"));
	CHECK(http_is_question("OPTIONS", "*"));
	CHECK(!http_is_question("GET", NULL));
	CHECK(!http_is_question(NULL, "/"));
	CHECK(!http_is_question("", "/"));
	CHECK(!http_is_question("GET", ""));
	CHECK(!http_is_question("GET", "/a//"));
	CHECK(!http_is_question("GET", "/a/.."));
}

TEST_MAIN()
