#include <errno.h>

#include "base/address.h"
#include "base/err.h"
#include "http/message.h"
#include "policy/policy.h"
#include "sbx-proxy/control.h"
#include "sbx-proxy/judge.h"
#include "sbx-proxy/origin.h"
#include "tests/unit/test.h"

static struct policy_rule make_rule(const char *id, enum policy_decision decision,
				    const char *resource, const char *methods, const char *path)
{
	struct policy_rule rule = { .decision = decision,
				    .origin = POLICY_FROM_USER,
				    .protocols = POLICY_TCP };
	struct err err = ERR_INIT;

	(void)snprintf(rule.id, sizeof(rule.id), "%s", id);
	(void)policy_resource_parse(resource, &rule.resource, &err);
	if (methods != NULL)
		(void)policy_rule_set_http(&rule, methods, path, &err);
	return rule;
}

static struct policy *make_policy(void)
{
	struct policy_rule rules[] = {
		make_rule("web", POLICY_ALLOW, "a.example", NULL, NULL),
		make_rule("no-put", POLICY_DENY, "a.example", "PUT", "/**"),
		make_rule("net", POLICY_ALLOW, "203.0.113.0/24", NULL, NULL),
	};
	struct policy *policy = NULL;

	(void)policy_create(rules, 3, false, &policy);
	return policy;
}

static bool allows(const struct policy *policy, const char *host, const char *method,
		   const char *path, const char *override, struct refusal *refusal)
{
	struct address address;
	struct http_request request;
	struct judge_request asked = {
		.host = host, .port = 443, .request = &request, .path = path, .address = &address
	};
	char rule[65];
	bool allowed;

	(void)address_parse("203.0.113.7", &address);
	if (strcmp(host, "far.example") == 0)
		asked.address = NULL;
	http_request_init(&request);
	(void)snprintf(request.method, sizeof(request.method), "%s", method);
	if (override != NULL)
		(void)http_fields_add(&request.fields, "x-http-method-override", override,
				      strlen(override));
	refusal_finish(refusal);
	allowed = judge_request(policy, &asked, rule, sizeof(rule), refusal);
	http_request_finish(&request);
	return allowed;
}

TEST(requests_are_judged_by_name_then_by_address)
{
	struct policy *policy = make_policy();
	struct refusal refusal = { .error = 0 };

	CHECK(allows(policy, "a.example", "GET", "/x", NULL, &refusal));
	CHECK(!allows(policy, "a.example", "PUT", "/x", NULL, &refusal));
	CHECK_EQ(refusal.error, EACCES);
	CHECK_STR(refusal.rule, "no-put");
	CHECK(allows(policy, "near.example", "PUT", "/x", NULL, &refusal));
	CHECK(!allows(policy, "far.example", "GET", "/x", NULL, &refusal));
	CHECK_STR(refusal.rule, "");
	CHECK(!allows(NULL, "a.example", "GET", "/x", NULL, &refusal));
	refusal_finish(&refusal);
	policy_destroy(policy);
}

TEST(P13_no_rule_is_passed_by_another_method_or_path)
{
	struct policy *policy = make_policy();
	struct refusal refusal = { .error = 0 };

	CHECK(!allows(policy, "a.example", "POST", "/x", "PUT", &refusal));
	CHECK(allows(policy, "a.example", "POST", "/x", "PATCH", &refusal));
	CHECK(!allows(policy, "a.example", "GET", NULL, NULL, &refusal));
	CHECK(strstr(refusal.text, "two ways") != NULL);
	CHECK(allows(policy, "near.example", "GET", NULL, NULL, &refusal));
	refusal_finish(&refusal);
	policy_destroy(policy);
}

TEST(only_hosts_with_HTTP_rules_need_looking_into)
{
	struct orders orders = { .policy = make_policy() };

	CHECK(judge_needs_http(&orders, "a.example", 443));
	CHECK(!judge_needs_http(&orders, "near.example", 443));
	policy_destroy(orders.policy);
}

TEST_MAIN()
